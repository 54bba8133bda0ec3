package main

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// owner is what the owner of the keystore does behind the plugin's back, and what makes the plugin misbehave. Its one
// method takes the name of an act as `do`, and the rest as the act needs it.
type owner struct {
	keystore *keystore
	logger   hclog.Logger
	acts     map[string]act
}

type act func(own *owner, request map[string]any) error

func newOwner(keystore *keystore) *owner {
	acts := maps.Clone(ownerActs)
	maps.Copy(acts, mischief)
	return &owner{keystore: keystore, logger: hclog.NewNullLogger(), acts: acts}
}

var ownerActs = map[string]act{
	"newKey": onVault(func(vault *vault, keyID, account string) {
		vault.keys[keyID] = &key{account: account, minVersion: 1}
		vault.addVersion(keyID)
	}),
	"rotate":     onVault(func(vault *vault, keyID, _ string) { vault.addVersion(keyID) }),
	"softDelete": onKey(func(found *key) { found.disabled = true }),
	"restore":    onKey(func(found *key) { found.disabled = false }),
	"retire":     onKey(func(found *key) { found.minVersion = len(found.versions) }),
	"destroy":    onVault(func(vault *vault, keyID, _ string) { delete(vault.keys, keyID) }),
	"seal":       onVault(func(vault *vault, _, _ string) { vault.sealed = true }),
	"unseal":     onVault(func(vault *vault, _, _ string) { vault.sealed = false }),
}

func onVault(work func(vault *vault, keyID, account string)) act {
	return func(own *owner, request map[string]any) error {
		keyID, _ := request["keyId"].(string)
		account, _ := request["account"].(string)
		vault := own.keystore.vault()
		vault.mutex.Lock()
		defer vault.mutex.Unlock()
		work(vault, keyID, account)
		return nil
	}
}

func onKey(work func(found *key)) act {
	return onVault(func(vault *vault, keyID, _ string) { work(vault.keys[keyID]) })
}

func (own *owner) do(_ context.Context, request *structpb.Struct) (*structpb.Struct, error) {
	values := request.AsMap()
	name, _ := values["do"].(string)
	act, isKnown := own.acts[name]
	if !isKnown {
		return nil, status.Error(codes.Unimplemented, fmt.Sprintf("there is no act %q", name))
	}
	return &structpb.Struct{}, act(own, values)
}

func (own *owner) describe() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{ServiceName: ownerService, Methods: []grpc.MethodDesc{{
		MethodName: "Do",
		Handler: func(_ any, ctx context.Context, receive func(any) error, through grpc.UnaryServerInterceptor) (any, error) {
			request := &structpb.Struct{}
			if err := receive(request); err != nil {
				return nil, err
			}
			if through == nil {
				return own.do(ctx, request)
			}
			info := &grpc.UnaryServerInfo{Server: own, FullMethod: "/" + ownerService + "/Do"}
			return through(ctx, request, info, func(ctx context.Context, request any) (any, error) {
				return own.do(ctx, request.(*structpb.Struct))
			})
		},
	}}}
}
