package calls

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Prepare returns a function that makes the same call each time, at the least cost for this program: the request is
// encoded once and responses stay encoded.
func (messages *Messages) Prepare(conn grpc.ClientConnInterface, call Call) (func(context.Context) error, error) {
	input, _, err := messages.Method(call.Method)
	if err != nil {
		return nil, err
	}
	message := input.New().Interface()
	if len(call.Request) > 0 {
		if err := protojson.Unmarshal(call.Request, message); err != nil {
			return nil, err
		}
	}
	request, err := proto.Marshal(message)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if call.DeadlineMs > 0 {
			limited, cancel := context.WithTimeout(ctx, time.Duration(call.DeadlineMs)*time.Millisecond)
			defer cancel()
			ctx = limited
		}
		var response []byte
		return conn.Invoke(ctx, "/"+call.Method, request, &response, grpc.ForceCodecV2(encoded{}))
	}, nil
}

// encoded is a codec for messages that are in wire format already.
type encoded struct{}

func (encoded) Name() string { return "proto" }

func (encoded) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(message.([]byte))}, nil
}

func (encoded) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}
