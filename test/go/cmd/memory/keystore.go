package main

import (
	"context"
	"encoding/json"
	"runtime/debug"
	"sync/atomic"

	configv1 "github.com/openkcm/plugin-sdk/proto/service/common/config/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	product        = "memory"
	productVersion = "1.0.0"
)

// keystore holds the vault of the newest configuration; before the first it is an empty one.
type keystore struct {
	current atomic.Pointer[vault]
}

func newKeystore() *keystore {
	made := &keystore{}
	made.current.Store(newVault((&settings{}).complete()))
	return made
}

func (own *keystore) vault() *vault { return own.current.Load() }

type configuration struct {
	configv1.UnimplementedConfigServer
	keystore *keystore
}

func (own *configuration) Configure(
	_ context.Context, request *configv1.ConfigureRequest,
) (*configv1.ConfigureResponse, error) {
	configured, err := parseSettings(request.GetYamlConfiguration())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	own.keystore.current.Store(newVault(configured))
	info, err := json.Marshal(map[string]string{"product": product, "goPlugin": goPluginVersion()})
	if err != nil {
		return nil, err
	}
	text := string(info)
	return &configv1.ConfigureResponse{BuildInfo: &text}, nil
}

// goPluginVersion tells which go-plugin serves this process.
func goPluginVersion() string {
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path != "github.com/hashicorp/go-plugin" {
			continue
		}
		if module.Replace != nil {
			return module.Replace.Version
		}
		return module.Version
	}
	return ""
}
