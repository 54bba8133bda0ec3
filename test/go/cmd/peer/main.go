// Command peer is a keystore plugin served by plugin-sdk, with keys in memory: what a plugin of another author is like.
package main

import (
	"context"

	"github.com/openkcm/plugin-sdk/pkg/plugin"
	keystoreerrors "github.com/openkcm/plugin-sdk/pkg/plugin/keystore/errors"
	operationsv1 "github.com/openkcm/plugin-sdk/proto/plugin/keystore/operations/v1"
	configv1 "github.com/openkcm/plugin-sdk/proto/service/common/config/v1"
)

func main() {
	plugin.Serve(
		operationsv1.KeystoreInstanceKeyOperationPluginServer(&keystore{}),
		configv1.ConfigServiceServer(&configuration{}),
	)
}

// keystore knows the key "enabled" and the key "disabled".
type keystore struct {
	operationsv1.UnimplementedKeystoreInstanceKeyOperationServer
}

var statuses = map[string]string{"enabled": "ENABLED", "disabled": "DISABLED"}

func (*keystore) GetKey(_ context.Context, request *operationsv1.GetKeyRequest) (*operationsv1.GetKeyResponse, error) {
	id := request.GetParameters().GetKeyId()
	status, known := statuses[id]
	if !known {
		return nil, keystoreerrors.NewGrpcErrorWithDetails(
			keystoreerrors.StatusKeyNotFound, "NO_SUCH_KEY", map[string]string{"knownKeys": "enabled,disabled"})
	}
	return &operationsv1.GetKeyResponse{
		KeyId: id, Algorithm: operationsv1.KeyAlgorithm_KEY_ALGORITHM_AES256, Status: status, Usage: "ENCRYPT_DECRYPT",
	}, nil
}

type configuration struct {
	configv1.UnimplementedConfigServer
}

func (*configuration) Configure(context.Context, *configv1.ConfigureRequest) (*configv1.ConfigureResponse, error) {
	buildInfo := `{"product":"peer"}`
	return &configv1.ConfigureResponse{BuildInfo: &buildInfo}, nil
}
