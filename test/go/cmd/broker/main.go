// Command broker is a plugin that brokers: with go-plugin's broker in both directions, or, as "broker sdk", with the host
// services of plugin-sdk.
package main

import (
	"context"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	pluginType    = "BrokerTest"
	pluginService = "test.broker.v1.Plugin"
	echoService   = "test.broker.v1.Echo"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "sdk" {
		serveSdk()
		return
	}
	serveBroker()
}

type handler func(ctx context.Context, text string) (string, error)

// service describes methods that take a text and answer one.
func service(name string, methods map[string]handler) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: name, HandlerType: (*any)(nil)}
	for method, handle := range methods {
		desc.Methods = append(desc.Methods, grpc.MethodDesc{
			MethodName: method,
			Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				request := &wrapperspb.StringValue{}
				if err := decode(request); err != nil {
					return nil, err
				}
				text, err := handle(ctx, request.GetValue())
				if err != nil {
					return nil, err
				}
				return wrapperspb.String(text), nil
			},
		})
	}
	return desc
}

// say calls the echo service at the other end of the connection.
func say(ctx context.Context, conn grpc.ClientConnInterface, text string) (string, error) {
	answer := &wrapperspb.StringValue{}
	err := conn.Invoke(ctx, "/"+echoService+"/Say", wrapperspb.String(text), answer)
	return answer.GetValue(), err
}
