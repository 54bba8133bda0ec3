package main

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

const initMethod = "/service.init.v1.Bootstrap/Init"

// watch stands before every call, those of go-plugin's own services included.
func watch(noInit, trace bool) []grpc.ServerOption {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: originalStderr, JSONFormat: true, Name: "watch"})
	tell := func(ctx context.Context, method string, request any) {
		if !trace {
			return
		}
		told := []any{"method", strings.TrimPrefix(method, "/")}
		if deadline, has := ctx.Deadline(); has {
			told = append(told, "timeoutMs", time.Until(deadline).Milliseconds())
		}
		if check, isCheck := request.(*health.HealthCheckRequest); isCheck {
			told = append(told, "service", check.GetService())
		}
		logger.Debug("call", told...)
	}
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(
			ctx context.Context, request any, info *grpc.UnaryServerInfo, serve grpc.UnaryHandler,
		) (any, error) {
			tell(ctx, info.FullMethod, request)
			if noInit && info.FullMethod == initMethod {
				return nil, status.Error(codes.Unimplemented, "unknown method Init")
			}
			return serve(ctx, request)
		}),
		grpc.ChainStreamInterceptor(func(
			server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, serve grpc.StreamHandler,
		) error {
			tell(stream.Context(), info.FullMethod, nil)
			return serve(server, stream)
		}),
	}
}
