// Command host runs one plugin with go-plugin alone, with the options that plugin-sdk fixes, and calls it on command.
//
//	host -descriptors FILE     commands: start, call, announce, log, kill
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"sync"
	"time"

	_ "github.com/openkcm/plugin-sdk/proto/plugin/keystore/operations/v1"
	_ "github.com/openkcm/plugin-sdk/proto/service/common/config/v1"
	_ "google.golang.org/grpc/health/grpc_health_v1"

	"keystoreop-openbao/test/go/internal/calls"
	"keystoreop-openbao/test/go/internal/hostlog"
	"keystoreop-openbao/test/go/internal/lines"
	"keystoreop-openbao/test/go/internal/pluginhost"
)

func main() {
	descriptors := flag.String("descriptors", "", "descriptor set of the services that plugin-sdk has no generated code for")
	flag.Parse()
	messages, err := calls.Load(*descriptors)
	if err != nil {
		log.Fatal(err)
	}
	host := &host{messages: messages, log: new(hostlog.Log)}
	err = lines.Serve(map[string]lines.Handler{
		"start":    lines.Handle(host.start),
		"call":     lines.Handle(host.call),
		"announce": lines.Handle(host.announce),
		"log":      lines.Handle(host.entries),
		"kill":     lines.Handle(host.kill),
	})
	_, _ = host.kill(context.Background(), struct{}{})
	if err != nil {
		log.Fatal(err)
	}
}

type host struct {
	messages *calls.Messages
	log      *hostlog.Log
	mutex    sync.Mutex
	plugin   *pluginhost.Plugin
}

type startResult struct {
	// go-plugin's error; a start that fails is a result, since tests are about it.
	Error       string  `json:"error"`
	Pid         int     `json:"pid"`
	Address     string  `json:"address"`
	HandshakeMs float64 `json:"handshakeMs"`
}

func (host *host) start(_ context.Context, options pluginhost.Options) (startResult, error) {
	if host.current() != nil {
		return startResult{}, errors.New("a plugin runs already")
	}
	started, err := pluginhost.Start(options, host.log.Hclog("host"))
	if err != nil {
		return startResult{Error: err.Error()}, nil
	}
	host.replace(started)
	return startResult{Pid: started.Pid, Address: started.Address, HandshakeMs: started.HandshakeMs}, nil
}

func (host *host) call(ctx context.Context, call calls.Call) (calls.Answer, error) {
	plugin := host.current()
	if plugin == nil {
		return calls.Answer{}, errors.New("no plugin runs")
	}
	return host.messages.Invoke(ctx, plugin.Connection(), call)
}

type announceArguments struct {
	BrokerID uint32 `json:"brokerId"`
}

type announceResult struct {
	Error string `json:"error"`
}

func (host *host) announce(_ context.Context, arguments announceArguments) (announceResult, error) {
	plugin := host.current()
	if plugin == nil {
		return announceResult{}, errors.New("no plugin runs")
	}
	if err := plugin.Announce(arguments.BrokerID); err != nil {
		return announceResult{Error: err.Error()}, nil
	}
	return announceResult{}, nil
}

func (host *host) entries(context.Context, struct{}) ([]hostlog.Entry, error) {
	return host.log.Entries(), nil
}

type killResult struct {
	Ms float64 `json:"ms"`
}

func (host *host) kill(context.Context, struct{}) (killResult, error) {
	plugin := host.current()
	if plugin == nil {
		return killResult{}, nil
	}
	started := time.Now()
	plugin.Kill()
	took := time.Since(started)
	host.replace(nil)
	return killResult{Ms: float64(took.Microseconds()) / 1000}, nil
}

func (host *host) current() *pluginhost.Plugin {
	host.mutex.Lock()
	defer host.mutex.Unlock()
	return host.plugin
}

func (host *host) replace(plugin *pluginhost.Plugin) {
	host.mutex.Lock()
	defer host.mutex.Unlock()
	host.plugin = plugin
}
