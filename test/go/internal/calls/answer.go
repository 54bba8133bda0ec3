package calls

import (
	"encoding/json"

	keystoreerrors "github.com/openkcm/plugin-sdk/pkg/plugin/keystore/errors"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// Answer is what came of a call.
type Answer struct {
	Code     string          `json:"code"`
	Message  string          `json:"message"`
	Response json.RawMessage `json:"response,omitempty"`
	// Which of plugin-sdk's predefined statuses the answer equals by its own comparison, code and message alike.
	Is           string            `json:"is,omitempty"`
	Reason       string            `json:"reason,omitempty"`
	Domain       string            `json:"domain,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	RetryDelayMs *int64            `json:"retryDelayMs,omitempty"`
	Ms           float64           `json:"ms"`
	// Length of the certificate the plugin showed in the TLS handshake; 0 without TLS.
	CertificateBytes int `json:"certificateBytes"`
}

var predefined = map[string]*status.Status{
	"ProviderAuthenticationError": keystoreerrors.StatusProviderAuthenticationError,
	"InvalidKeyAccessData":        keystoreerrors.StatusInvalidKeyAccessData,
	"KeyNotFound":                 keystoreerrors.StatusKeyNotFound,
	"KeyGenericErr":               keystoreerrors.StatusKeyGenericErr,
}

func toAnswer(err error) Answer {
	converted := status.Convert(err)
	answer := Answer{Code: converted.Code().String(), Message: converted.Message()}
	for name, known := range predefined {
		if keystoreerrors.IsStatus(err, known) {
			answer.Is = name
		}
	}
	answer.Reason, answer.Metadata = keystoreerrors.GetDetails(err)
	for _, detail := range converted.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			answer.Domain = detail.GetDomain()
		case *errdetails.RetryInfo:
			delay := detail.GetRetryDelay().AsDuration().Milliseconds()
			answer.RetryDelayMs = &delay
		}
	}
	return answer
}
