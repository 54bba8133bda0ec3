package main

import (
	"context"

	"github.com/openkcm/plugin-sdk/api"
	"github.com/openkcm/plugin-sdk/pkg/plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// serveSdk serves with plugin-sdk, and has a last word with its host when it no longer serves.
func serveSdk() {
	host := &hostEcho{}
	plugin.Serve(&hostUser{host: host})
	_, _ = host.say(context.Background(), "last word")
}

// hostUser is a plugin that wants a service of its host.
type hostUser struct {
	host *hostEcho
}

var _ api.NeedsHostServices = (*hostUser)(nil)

func (*hostUser) Type() string            { return pluginType }
func (*hostUser) GRPCServiceName() string { return pluginService }

func (u *hostUser) RegisterServer(server *grpc.Server) any {
	server.RegisterService(service(pluginService, map[string]handler{"Ask": u.host.say}), nil)
	return u
}

func (u *hostUser) BrokerHostServices(broker api.ServiceBroker) error {
	if broker.BrokerClient(u.host) {
		_, err := u.host.say(context.Background(), "init")
		return err
	}
	return nil
}

// Close is called by Deinit.
func (u *hostUser) Close() error {
	_, err := u.host.say(context.Background(), "deinit")
	return err
}

// hostEcho is the client of the host's echo, once it is initialized.
type hostEcho struct {
	conn grpc.ClientConnInterface
}

func (*hostEcho) GRPCServiceName() string { return echoService }

func (e *hostEcho) InitClient(conn grpc.ClientConnInterface) any {
	e.conn = conn
	return e
}

func (e *hostEcho) say(ctx context.Context, text string) (string, error) {
	if e.conn == nil {
		return "", status.Error(codes.FailedPrecondition, "the host has no echo")
	}
	return say(ctx, e.conn, text)
}
