package calls

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/encoding/protojson"
)

// Call is one unary call. Without DeadlineMs the call has no deadline, as CMK's calls have none.
type Call struct {
	Method     string          `json:"method"`
	Request    json.RawMessage `json:"request"`
	DeadlineMs int             `json:"deadlineMs"`
	CancelMs   int             `json:"cancelMs"`
}

// Invoke makes the call. An error is a mistake of the caller of this function; a refusal by the plugin is an Answer.
func (messages *Messages) Invoke(ctx context.Context, conn grpc.ClientConnInterface, call Call) (Answer, error) {
	input, output, err := messages.Method(call.Method)
	if err != nil {
		return Answer{}, err
	}
	request, response := input.New().Interface(), output.New().Interface()
	if len(call.Request) > 0 {
		if err := protojson.Unmarshal(call.Request, request); err != nil {
			return Answer{}, fmt.Errorf("request of %s: %w", call.Method, err)
		}
	}
	if call.DeadlineMs > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(call.DeadlineMs)*time.Millisecond)
		defer cancel()
	}
	if call.CancelMs > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		timer := time.AfterFunc(time.Duration(call.CancelMs)*time.Millisecond, cancel)
		defer timer.Stop()
		defer cancel()
	}
	var server peer.Peer
	started := time.Now()
	err = conn.Invoke(ctx, "/"+call.Method, request, response, grpc.Peer(&server))
	took := time.Since(started)
	answer := toAnswer(err)
	answer.Ms = float64(took.Microseconds()) / 1000
	answer.CertificateBytes = certificateBytes(server)
	if err != nil {
		return answer, nil
	}
	answer.Response, err = protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(response)
	return answer, err
}

func certificateBytes(server peer.Peer) int {
	if info, ok := server.AuthInfo.(credentials.TLSInfo); ok && len(info.State.PeerCertificates) > 0 {
		return len(info.State.PeerCertificates[0].Raw)
	}
	return 0
}
