package calls

import (
	"math"
	"net"

	"google.golang.org/grpc"
)

// Forward answers every unary call that comes in on the listener with what the same call on the connection gives: bytes,
// codes, messages and status details as the connection shows them. Stop the server to end it.
func Forward(listener net.Listener, conn grpc.ClientConnInterface) *grpc.Server {
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(encoded{}),
		grpc.MaxRecvMsgSize(math.MaxInt),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error { return forward(conn, stream) }),
	)
	go func() { _ = server.Serve(listener) }() // it ends with Stop
	return server
}

func forward(conn grpc.ClientConnInterface, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var request, response []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	if err := conn.Invoke(stream.Context(), method, request, &response, grpc.ForceCodecV2(encoded{})); err != nil {
		return err
	}
	return stream.SendMsg(response)
}
