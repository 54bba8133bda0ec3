package main

import (
	"context"
	"fmt"
	"strconv"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// serveBroker serves with go-plugin alone: its plugins have neither Init nor Configure.
func serveBroker() {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: 1, MagicCookieKey: pluginType, MagicCookieValue: pluginType,
		},
		Plugins:    map[string]goplugin.Plugin{"broker": &brokering{}},
		GRPCServer: goplugin.DefaultGRPCServer,
	})
}

type brokering struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (*brokering) GRPCServer(broker *goplugin.GRPCBroker, server *grpc.Server) error {
	server.RegisterService(service(pluginService, map[string]handler{
		// Offer serves an echo with a prefix and answers its id.
		"Offer": func(_ context.Context, prefix string) (string, error) {
			id := broker.NextId()
			go broker.AcceptAndServe(id, func(options []grpc.ServerOption) *grpc.Server {
				offered := grpc.NewServer(options...)
				offered.RegisterService(service(echoService, map[string]handler{
					"Say": func(_ context.Context, text string) (string, error) { return prefix + text, nil },
				}), nil)
				return offered
			})
			return strconv.FormatUint(uint64(id), 10), nil
		},
		// Ask says the id to the echo that the host serves there.
		"Ask": func(ctx context.Context, text string) (string, error) {
			id, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return "", err
			}
			conn, err := broker.Dial(uint32(id))
			if err != nil {
				return "", fmt.Errorf("dial: %w", err)
			}
			defer conn.Close()
			return say(ctx, conn, text)
		},
	}), nil)
	return nil
}

func (*brokering) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fmt.Errorf("this is a plugin")
}
