// Command catalog loads keystore plugins with plugin-sdk's catalog, the loader inside CMK, and calls them on command.
//
//	catalog -descriptors FILE     commands: decode, load, call, repeat, expose, log, processes, close
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/openkcm/plugin-sdk/pkg/catalog"
	_ "github.com/openkcm/plugin-sdk/proto/service/common/config/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/health/grpc_health_v1"

	"keystoreop-openbao/test/go/internal/calls"
	"keystoreop-openbao/test/go/internal/closedloop"
	"keystoreop-openbao/test/go/internal/hostlog"
	"keystoreop-openbao/test/go/internal/lines"
	"keystoreop-openbao/test/go/internal/processes"
)

func main() {
	descriptors := flag.String("descriptors", "", "descriptor set of the services that plugin-sdk has no generated code for")
	flag.Parse()
	messages, err := calls.Load(*descriptors)
	if err != nil {
		log.Fatal(err)
	}
	host := &host{messages: messages, catalogs: map[string]loaded{}}
	defer host.closeAll()
	err = lines.Serve(map[string]lines.Handler{
		"decode":    lines.Handle(host.decode),
		"load":      lines.Handle(host.load),
		"call":      lines.Handle(host.call),
		"repeat":    lines.Handle(host.repeat),
		"expose":    lines.Handle(host.expose),
		"log":       lines.Handle(host.log),
		"processes": lines.Handle(host.processes),
		"close":     lines.Handle(host.close),
	})
	if err != nil {
		host.closeAll()
		log.Fatal(err)
	}
}

type host struct {
	messages *calls.Messages
	mutex    sync.Mutex
	catalogs map[string]loaded
}

// loaded is one catalog under the name that the driver gave it. The log outlives the catalog and a failed load.
type loaded struct {
	catalog *catalog.Catalog
	log     *hostlog.Log
	exposed []*grpc.Server
}

type pluginEntry struct {
	Name              string            `json:"name"`
	Type              string            `json:"type"`
	Path              string            `json:"path"`
	Args              []string          `json:"args"`
	Env               map[string]string `json:"env"`
	Checksum          string            `json:"checksum"`
	Version           uint32            `json:"version"`
	YamlConfiguration string            `json:"yamlConfiguration"`
	LogLevel          string            `json:"logLevel"`
	Tags              []string          `json:"tags"`
	Disabled          bool              `json:"disabled"`
}

type loadArguments struct {
	Catalog string        `json:"catalog"`
	Plugins []pluginEntry `json:"plugins"`
}

type pluginInfo struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Version   uint     `json:"version"`
	BuildInfo string   `json:"buildInfo"`
	Services  []string `json:"services"`
}

type loadResult struct {
	Ms float64 `json:"ms"`
	// The catalog's error; loading that fails is a result, since tests are about it.
	Error   string       `json:"error"`
	Plugins []pluginInfo `json:"plugins"`
}

func (host *host) load(ctx context.Context, arguments loadArguments) (loadResult, error) {
	if _, err := host.find(arguments.Catalog); err == nil {
		return loadResult{}, fmt.Errorf("a catalog named %q exists", arguments.Catalog)
	}
	log := new(hostlog.Log)
	host.keep(arguments.Catalog, loaded{log: log})
	config := catalog.Config{Logger: log.Slog()}
	for _, plugin := range arguments.Plugins {
		config.PluginConfigs = append(config.PluginConfigs, catalog.PluginConfig{
			Name: plugin.Name, Type: plugin.Type, Path: plugin.Path, Args: plugin.Args, Env: plugin.Env,
			Checksum: plugin.Checksum, Version: plugin.Version, YamlConfiguration: plugin.YamlConfiguration,
			LogLevel: plugin.LogLevel, Tags: plugin.Tags, Disabled: plugin.Disabled,
		})
	}
	started := time.Now()
	made, err := catalog.New(ctx, config, repository{})
	result := loadResult{Ms: milliseconds(time.Since(started)), Plugins: []pluginInfo{}}
	if err != nil {
		result.Error = err.Error()
		return result, nil
	}
	host.keep(arguments.Catalog, loaded{log: log, catalog: made})
	for _, info := range made.ListPluginInfo() {
		plugin := made.LookupByTypeAndName(info.Type(), info.Name())
		result.Plugins = append(result.Plugins, pluginInfo{
			Name: info.Name(), Type: info.Type(), Version: info.Version(), BuildInfo: info.Build(),
			Services: plugin.GrpcServiceNames(),
		})
	}
	return result, nil
}

// target names a plugin of a catalog; without type and name it is the first one.
type target struct {
	Catalog string `json:"catalog"`
	Type    string `json:"type"`
	Name    string `json:"name"`
}

type callArguments struct {
	target
	calls.Call
}

func (host *host) call(ctx context.Context, arguments callArguments) (calls.Answer, error) {
	plugin, err := host.plugin(arguments.target)
	if err != nil {
		return calls.Answer{}, err
	}
	return host.messages.Invoke(ctx, plugin.ClientConnection(), arguments.Call)
}

type repeatArguments struct {
	target
	calls.Call
	Callers    int `json:"callers"`
	DurationMs int `json:"durationMs"`
}

// repeat makes one call over and over from several callers.
func (host *host) repeat(ctx context.Context, arguments repeatArguments) (closedloop.Report, error) {
	plugin, err := host.plugin(arguments.target)
	if err != nil {
		return closedloop.Report{}, err
	}
	invoke, err := host.messages.Prepare(plugin.ClientConnection(), arguments.Call)
	if err != nil {
		return closedloop.Report{}, err
	}
	return closedloop.Run(ctx, arguments.Callers, time.Duration(arguments.DurationMs)*time.Millisecond, invoke), nil
}

type exposeArguments struct {
	target
	// Path of a unix socket to be made, in a directory that nobody else can enter.
	Socket string `json:"socket"`
}

// expose lets the driver call a plugin over the catalog's own connection, until the catalog is closed.
func (host *host) expose(_ context.Context, arguments exposeArguments) (struct{}, error) {
	plugin, err := host.plugin(arguments.target)
	if err != nil {
		return struct{}{}, err
	}
	entry, err := host.find(arguments.Catalog)
	if err != nil {
		return struct{}{}, err
	}
	listener, err := net.Listen("unix", arguments.Socket)
	if err != nil {
		return struct{}{}, err
	}
	entry.exposed = append(entry.exposed, calls.Forward(listener, plugin.ClientConnection()))
	host.keep(arguments.Catalog, entry)
	return struct{}{}, nil
}

func (host *host) plugin(target target) (catalog.Plugin, error) {
	entry, err := host.find(target.Catalog)
	if err != nil {
		return nil, err
	}
	if entry.catalog == nil {
		return nil, fmt.Errorf("catalog %q is not loaded", target.Catalog)
	}
	if target.Type == "" {
		infos := entry.catalog.ListPluginInfo()
		if len(infos) == 0 {
			return nil, errors.New("the catalog has no plugin")
		}
		target.Type, target.Name = infos[0].Type(), infos[0].Name()
	}
	plugin := entry.catalog.LookupByTypeAndName(target.Type, target.Name)
	if plugin == nil {
		return nil, fmt.Errorf("the catalog has no %s named %q", target.Type, target.Name)
	}
	return plugin, nil
}

type named struct {
	Catalog string `json:"catalog"`
}

func (host *host) log(_ context.Context, arguments named) ([]hostlog.Entry, error) {
	entry, err := host.find(arguments.Catalog)
	if err != nil {
		return nil, err
	}
	return entry.log.Entries(), nil
}

func (host *host) processes(context.Context, struct{}) ([]processes.Process, error) {
	return processes.Children()
}

type closeResult struct {
	Ms    float64 `json:"ms"`
	Error string  `json:"error"`
}

// close is harmless when the catalog is closed already or was never loaded.
func (host *host) close(_ context.Context, arguments named) (closeResult, error) {
	entry, err := host.find(arguments.Catalog)
	if err != nil || entry.catalog == nil {
		return closeResult{}, err
	}
	host.keep(arguments.Catalog, loaded{log: entry.log})
	for _, server := range entry.exposed {
		server.Stop()
	}
	started := time.Now()
	err = entry.catalog.Close()
	result := closeResult{Ms: milliseconds(time.Since(started))}
	if err != nil {
		result.Error = err.Error()
	}
	return result, nil
}

func (host *host) closeAll() {
	host.mutex.Lock()
	names := slices.Collect(maps.Keys(host.catalogs))
	host.mutex.Unlock()
	for _, name := range names {
		_, _ = host.close(context.Background(), named{name})
	}
}

func (host *host) find(name string) (loaded, error) {
	host.mutex.Lock()
	defer host.mutex.Unlock()
	entry, known := host.catalogs[name]
	if !known {
		return loaded{}, fmt.Errorf("no catalog named %q", name)
	}
	return entry, nil
}

func (host *host) keep(name string, entry loaded) {
	host.mutex.Lock()
	defer host.mutex.Unlock()
	host.catalogs[name] = entry
}

func milliseconds(duration time.Duration) float64 { return float64(duration.Microseconds()) / 1000 }
