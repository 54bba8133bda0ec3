// Command load measures a plugin under load from a Go host, and the same work sent to OpenBao directly.
//
//	load -descriptors FILE     commands: start, plugin, direct, sample, stop
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"time"

	_ "github.com/openkcm/plugin-sdk/proto/service/common/config/v1"
	_ "google.golang.org/grpc/health/grpc_health_v1"

	"keystoreop-openbao/test/go/internal/calls"
	"keystoreop-openbao/test/go/internal/closedloop"
	"keystoreop-openbao/test/go/internal/hostlog"
	"keystoreop-openbao/test/go/internal/lines"
	"keystoreop-openbao/test/go/internal/pluginhost"
	"keystoreop-openbao/test/go/internal/processes"
)

func main() {
	descriptors := flag.String("descriptors", "", "descriptor set of the services that plugin-sdk has no generated code for")
	flag.Parse()
	messages, err := calls.Load(*descriptors)
	if err != nil {
		log.Fatal(err)
	}
	bench := &bench{messages: messages}
	err = lines.Serve(map[string]lines.Handler{
		"start":  lines.Handle(bench.start),
		"plugin": lines.Handle(bench.throughPlugin),
		"direct": lines.Handle(bench.direct),
		"sample": lines.Handle(bench.sample),
		"stop":   lines.Handle(bench.stop),
	})
	_, _ = bench.stop(context.Background(), struct{}{})
	if err != nil {
		log.Fatal(err)
	}
}

// bench takes one command after another; its driver waits for each answer.
type bench struct {
	messages *calls.Messages
	plugin   *pluginhost.Plugin
}

type startArguments struct {
	Plugin pluginhost.Options `json:"plugin"`
	// Calls that make the plugin ready, in order; the last one is the first answer that counts.
	Calls []calls.Call `json:"calls"`
}

// startResult counts from the start of the process.
type startResult struct {
	HandshakeMs   float64           `json:"handshakeMs"`
	FirstAnswerMs float64           `json:"firstAnswerMs"`
	LastAnswer    calls.Answer      `json:"lastAnswer"`
	Process       processes.Process `json:"process"`
}

func (bench *bench) start(ctx context.Context, arguments startArguments) (startResult, error) {
	if bench.plugin != nil {
		return startResult{}, errors.New("a plugin runs already")
	}
	begin := time.Now()
	started, err := pluginhost.Start(arguments.Plugin, new(hostlog.Log).Hclog("load"))
	if err != nil {
		return startResult{}, err
	}
	bench.plugin = started
	result := startResult{HandshakeMs: started.HandshakeMs}
	for _, call := range arguments.Calls {
		result.LastAnswer, err = bench.messages.Invoke(ctx, started.Connection(), call)
		if err != nil {
			return startResult{}, err
		}
		if result.LastAnswer.Code != "OK" {
			return startResult{}, fmt.Errorf("%s: %s: %s", call.Method, result.LastAnswer.Code, result.LastAnswer.Message)
		}
	}
	result.FirstAnswerMs = float64(time.Since(begin).Microseconds()) / 1000
	result.Process, err = processes.Sample(started.Pid)
	return result, err
}

type run struct {
	Callers    int `json:"callers"`
	DurationMs int `json:"durationMs"`
}

func (run run) duration() time.Duration { return time.Duration(run.DurationMs) * time.Millisecond }

type pluginArguments struct {
	run
	calls.Call
}

type pluginResult struct {
	closedloop.Report
	// Processor time of the plugin process for one call.
	CPUMicrosPerCall float64 `json:"cpuMicrosPerCall"`
}

func (bench *bench) throughPlugin(ctx context.Context, arguments pluginArguments) (pluginResult, error) {
	if bench.plugin == nil {
		return pluginResult{}, errors.New("no plugin runs")
	}
	call, err := bench.messages.Prepare(bench.plugin.Connection(), arguments.Call)
	if err != nil {
		return pluginResult{}, err
	}
	before, err := processes.Sample(bench.plugin.Pid)
	if err != nil {
		return pluginResult{}, err
	}
	report := closedloop.Run(ctx, arguments.Callers, arguments.duration(), call)
	after, err := processes.Sample(bench.plugin.Pid)
	return pluginResult{Report: report, CPUMicrosPerCall: 1000 * (after.CPUMs - before.CPUMs) / float64(max(1, report.Calls))}, err
}

type directArguments struct {
	run
	directTarget
}

func (bench *bench) direct(ctx context.Context, arguments directArguments) (closedloop.Report, error) {
	send, closeIdle, err := arguments.prepare(arguments.Callers)
	if err != nil {
		return closedloop.Report{}, err
	}
	defer closeIdle()
	return closedloop.Run(ctx, arguments.Callers, arguments.duration(), send), nil
}

func (bench *bench) sample(context.Context, struct{}) (processes.Process, error) {
	if bench.plugin == nil {
		return processes.Process{}, errors.New("no plugin runs")
	}
	return processes.Sample(bench.plugin.Pid)
}

type stopResult struct {
	Ms float64 `json:"ms"`
}

func (bench *bench) stop(context.Context, struct{}) (stopResult, error) {
	if bench.plugin == nil {
		return stopResult{}, nil
	}
	begin := time.Now()
	bench.plugin.Kill()
	bench.plugin = nil
	return stopResult{Ms: float64(time.Since(begin).Microseconds()) / 1000}, nil
}
