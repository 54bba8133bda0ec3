// Package closedloop lets a number of callers repeat one call, each as soon as its last one ended.
package closedloop

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/status"
)

// Report is what a run showed. Latencies are those of all calls, failed ones too.
type Report struct {
	Callers   int            `json:"callers"`
	Calls     int            `json:"calls"`
	Codes     map[string]int `json:"codes"`
	Seconds   float64        `json:"seconds"`
	PerSecond float64        `json:"perSecond"`
	P50Ms     float64        `json:"p50Ms"`
	P95Ms     float64        `json:"p95Ms"`
	P99Ms     float64        `json:"p99Ms"`
	MaxMs     float64        `json:"maxMs"`
}

// Run starts no call after the given time and returns when the last one has ended. Errors are counted by gRPC code.
func Run(ctx context.Context, callers int, duration time.Duration, call func(context.Context) error) Report {
	started := time.Now()
	end := started.Add(duration)
	times := make([][]time.Duration, callers)
	codes := make([]map[string]int, callers)
	var running sync.WaitGroup
	for caller := range callers {
		codes[caller] = map[string]int{}
		running.Go(func() {
			for begin := time.Now(); begin.Before(end) && ctx.Err() == nil; begin = time.Now() {
				err := call(ctx)
				times[caller] = append(times[caller], time.Since(begin))
				codes[caller][status.Code(err).String()]++
			}
		})
	}
	running.Wait()
	return summarise(callers, time.Since(started), slices.Concat(times...), codes)
}

func summarise(callers int, took time.Duration, times []time.Duration, codes []map[string]int) Report {
	slices.Sort(times)
	report := Report{
		Callers:   callers,
		Calls:     len(times),
		Codes:     map[string]int{},
		Seconds:   took.Seconds(),
		PerSecond: float64(len(times)) / took.Seconds(),
		P50Ms:     quantile(times, 0.50),
		P95Ms:     quantile(times, 0.95),
		P99Ms:     quantile(times, 0.99),
		MaxMs:     quantile(times, 1),
	}
	for _, counts := range codes {
		for code, count := range counts {
			report.Codes[code] += count
		}
	}
	return report
}

func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	index := max(0, int(math.Ceil(q*float64(len(sorted))))-1)
	return float64(sorted[index].Microseconds()) / 1000
}
