// Command memory is a keystore plugin built on plugin-sdk that keeps its keys in memory: what runs in place of the product
// behind a host that must not know the difference. It misbehaves on demand, in ways that only a plugin in Go can.
//
//	memory -descriptors FILE     the descriptor set of the services that plugin-sdk has no generated code for
package main

import (
	"flag"
	"log"
	"os"

	"github.com/openkcm/plugin-sdk/api"
	pluginoption "github.com/openkcm/plugin-sdk/api/plugin-option"
	"github.com/openkcm/plugin-sdk/pkg/plugin"
	configv1 "github.com/openkcm/plugin-sdk/proto/service/common/config/v1"
	"google.golang.org/grpc"

	"keystoreop-openbao/test/go/internal/calls"
)

func main() {
	descriptors := flag.String("descriptors", "", "descriptor set of the services that plugin-sdk has no generated code for")
	noConfig := flag.Bool("no-config", false, "serve no configuration service")
	extra := flag.String("extra", "", "name this service too, which nobody knows")
	noInit := flag.Bool("no-init", false, "answer Init as a plugin that does not know it")
	trace := flag.Bool("trace", false, "log every call with the time it has")
	stay := flag.Bool("stay", false, "do not end after Shutdown")
	flag.Parse()
	messages, err := calls.Load(*descriptors)
	if err != nil {
		log.Fatal(err)
	}
	keystore := newKeystore()
	server, err := newServer(keystore, messages)
	if err != nil {
		log.Fatal(err)
	}
	var services []api.ServiceServer
	if !*noConfig {
		services = append(services, configv1.ConfigServiceServer(&configuration{keystore: keystore}))
	}
	if *extra != "" {
		services = append(services, extraService(*extra))
	}
	if *noInit || *trace {
		watched := pluginoption.SetServerOption(watch(*noInit, *trace)...)
		err = plugin.ServeOptions(pluginoption.WithPluginServer(server), pluginoption.WithServiceServer(services...), watched)
	} else {
		plugin.Serve(server, services...)
	}
	// Serve ends the process with 1 when no host has started it. When it cannot listen, it returns as it does after Shutdown:
	// what a host sees is one line of hclog's, no handshake and exit code 0.
	if err != nil {
		log.Fatal(err)
	}
	if *stay {
		select {}
	}
}

// originalStdout is file descriptor 1. Serve puts a pipe in the place of os.Stdout, whose other end is go-plugin's stdio
// stream; os.Stderr goes the same way, while panics of the runtime and the log go to file descriptor 2.
var originalStdout, originalStderr = os.Stdout, os.Stderr

// extraService has a name and no methods.
type extraService string

func (name extraService) GRPCServiceName() string { return string(name) }

func (name extraService) RegisterServer(server *grpc.Server) any {
	server.RegisterService(&grpc.ServiceDesc{ServiceName: string(name)}, nil)
	return name
}
