// Package jsonservice serves methods that plugin-sdk has no generated code for: their messages are built from a descriptor
// set and reach the handler as the Go values that their protobuf JSON describes.
package jsonservice

import (
	"context"
	"encoding/json"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"keystoreop-openbao/test/go/internal/calls"
)

var writer = protojson.MarshalOptions{UseEnumNumbers: true}

// Method serves the method named package.Service/Method. An error of the handler is the status of the call.
func Method[Request, Response any](
	messages *calls.Messages, name string, handle func(context.Context, *Request) (*Response, error),
) (grpc.MethodDesc, error) {
	input, output, err := messages.Method(name)
	if err != nil {
		return grpc.MethodDesc{}, err
	}
	_, method, _ := strings.Cut(name, "/")
	serve := func(ctx context.Context, message any) (any, error) {
		request := new(Request)
		if err := decode(message.(protoreflect.ProtoMessage), request); err != nil {
			return nil, status.Error(codes.InvalidArgument, "the request cannot be read")
		}
		response, err := handle(ctx, request)
		if err != nil {
			return nil, err
		}
		return encode(response, output)
	}
	return grpc.MethodDesc{
		MethodName: method,
		Handler: func(server any, ctx context.Context, receive func(any) error, through grpc.UnaryServerInterceptor) (any, error) {
			message := input.New().Interface()
			if err := receive(message); err != nil {
				return nil, err
			}
			if through == nil {
				return serve(ctx, message)
			}
			return through(ctx, message, &grpc.UnaryServerInfo{Server: server, FullMethod: "/" + name}, serve)
		},
	}, nil
}

func decode(message protoreflect.ProtoMessage, request any) error {
	text, err := writer.Marshal(message)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, request)
}

func encode(response any, output protoreflect.MessageType) (protoreflect.ProtoMessage, error) {
	text, err := json.Marshal(response)
	if err != nil {
		return nil, err
	}
	message := output.New().Interface()
	return message, protojson.Unmarshal(text, message)
}
