// Package pluginhost runs one plugin with go-plugin alone, in the way of plugin-sdk: it offers the broker's stream the
// id 1 at once. What plugin-sdk fixes (mutual TLS, the environment, no multiplexing) can be chosen.
package pluginhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Options say how to start the plugin.
type Options struct {
	Path string   `json:"path"`
	Args []string `json:"args"`
	// Further entries NAME=value of the plugin's environment.
	Env         []string `json:"env"`
	SkipHostEnv bool     `json:"skipHostEnv"`
	// The plugin type: name and value of the magic cookie.
	Type      string `json:"type"`
	PlainText bool   `json:"plainText"`
	Multiplex bool   `json:"multiplex"`
	// Hex SHA-256 of the file at Path; empty: unchecked.
	Checksum string `json:"checksum"`
	// A plugin that runs already, in place of Path.
	Reattach *Reattach `json:"reattach"`
}

// Reattach is go-plugin's ReattachConfig in the form that tools hand around, with the address as text.
type Reattach struct {
	Protocol        string
	ProtocolVersion int
	Pid             int
	Test            bool
	Addr            struct{ Network, String string }
}

func (reattach *Reattach) config() (*plugin.ReattachConfig, error) {
	address, err := net.ResolveUnixAddr(reattach.Addr.Network, reattach.Addr.String)
	if err != nil {
		return nil, err
	}
	return &plugin.ReattachConfig{
		Protocol:        plugin.Protocol(reattach.Protocol),
		ProtocolVersion: reattach.ProtocolVersion,
		Addr:            address,
		Pid:             reattach.Pid,
		Test:            reattach.Test,
	}, nil
}

// Plugin is a started plugin.
type Plugin struct {
	Pid     int
	Address string
	// From the start of the process to the handshake line.
	HandshakeMs float64

	client *plugin.Client
	link   *link
}

// Start starts the plugin and opens go-plugin's streams. On an error nothing is left running.
func Start(options Options, logger hclog.Logger) (*Plugin, error) {
	secure, err := secureConfig(options.Checksum)
	if err != nil {
		return nil, err
	}
	config := &plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: 1, MagicCookieKey: options.Type, MagicCookieValue: options.Type,
		},
		Plugins:             plugin.PluginSet{options.Type: grpcPlugin{}},
		AllowedProtocols:    []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:            !options.PlainText,
		SkipHostEnv:         options.SkipHostEnv,
		GRPCBrokerMultiplex: options.Multiplex,
		SecureConfig:        secure,
		Logger:              logger,
	}
	if options.Reattach == nil {
		config.Cmd = exec.Command(options.Path, options.Args...)
		config.Cmd.Env = options.Env
	} else if config.Reattach, err = options.Reattach.config(); err != nil {
		return nil, err
	}
	client := plugin.NewClient(config)
	started, err := start(client, options)
	if err != nil {
		client.Kill()
	}
	return started, err
}

func start(client *plugin.Client, options Options) (*Plugin, error) {
	begin := time.Now()
	address, err := client.Start()
	if err != nil {
		return nil, err
	}
	handshake := time.Since(begin)
	protocol, err := client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := protocol.Dispense(options.Type)
	if err != nil {
		return nil, err
	}
	pid, err := processID(client, options.Reattach)
	if err != nil {
		return nil, fmt.Errorf("process id: %w", err)
	}
	return &Plugin{
		Pid: pid, Address: address.String(), HandshakeMs: float64(handshake.Microseconds()) / 1000,
		client: client, link: raw.(*link),
	}, nil
}

// go-plugin knows no process of a plugin that is attached to for a test.
func processID(client *plugin.Client, reattach *Reattach) (int, error) {
	if reattach != nil {
		return reattach.Pid, nil
	}
	return strconv.Atoi(client.ID())
}

func secureConfig(checksum string) (*plugin.SecureConfig, error) {
	if checksum == "" {
		return nil, nil
	}
	sum, err := hex.DecodeString(checksum)
	return &plugin.SecureConfig{Checksum: sum, Hash: sha256.New()}, err
}

// Connection carries the application's calls.
func (started *Plugin) Connection() grpc.ClientConnInterface { return started.link.connection }

// Announce offers another brokered listener, which fails once the plugin has ended the broker's stream.
func (started *Plugin) Announce(id uint32) error {
	listener, err := started.link.broker.Accept(id)
	if err == nil {
		_ = listener.Close() // says that go-plugin has removed the socket's file already
	}
	return err
}

// Kill ends the plugin as go-plugin does and returns when the process is gone and its output is read.
func (started *Plugin) Kill() {
	started.client.Kill()
	started.link.services.Stop()
}

// link is what Dispense makes of the connection.
type link struct {
	connection *grpc.ClientConn
	broker     *plugin.GRPCBroker
	services   *grpc.Server
}

type grpcPlugin struct{ plugin.NetRPCUnsupportedPlugin }

func (grpcPlugin) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return fmt.Errorf("this is a host")
}

const hostServices = 1

func (grpcPlugin) GRPCClient(_ context.Context, broker *plugin.GRPCBroker, connection *grpc.ClientConn) (any, error) {
	listener, err := broker.Accept(hostServices)
	if err != nil {
		return nil, err
	}
	services := grpc.NewServer()
	go func(listener net.Listener) { _ = services.Serve(listener) }(listener)
	return &link{connection: connection, broker: broker, services: services}, nil
}
