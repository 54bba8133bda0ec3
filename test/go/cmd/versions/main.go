// Command versions is a keystore plugin that speaks version 1 and 2 of its protocol, each with another set of answers.
// plugin-sdk knows version 1 only, so this one is built on go-plugin itself and answers plugin-sdk's Init.
//
//	versions -descriptors FILE     the descriptor set that has plugin-sdk's service.init.v1, which is internal to it
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"strconv"

	goplugin "github.com/hashicorp/go-plugin"
	operationsv1 "github.com/openkcm/plugin-sdk/proto/plugin/keystore/operations/v1"
	"google.golang.org/grpc"

	"keystoreop-openbao/test/go/internal/calls"
	"keystoreop-openbao/test/go/internal/jsonservice"
)

const bootstrapService = "service.init.v1.Bootstrap"

func main() {
	descriptors := flag.String("descriptors", "", "descriptor set that has service.init.v1")
	flag.Parse()
	messages, err := calls.Load(*descriptors)
	if err != nil {
		log.Fatal(err)
	}
	initMethod, err := jsonservice.Method(messages, bootstrapService+"/Init", answerInit)
	if err != nil {
		log.Fatal(err)
	}
	sets := map[int]goplugin.PluginSet{}
	for _, version := range []int{1, 2} {
		sets[version] = goplugin.PluginSet{operationsv1.Type: &versioned{version: version, initMethod: initMethod}}
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{MagicCookieKey: operationsv1.Type, MagicCookieValue: operationsv1.Type},
		VersionedPlugins: sets,
		GRPCServer:       goplugin.DefaultGRPCServer,
	})
}

type (
	initRequest  struct{}
	initResponse struct {
		Names []string `json:"pluginServiceNames"`
	}
)

func answerInit(context.Context, *initRequest) (*initResponse, error) {
	return &initResponse{[]string{operationsv1.GRPCServiceFullName}}, nil
}

// versioned is the plugin as one version of the protocol has it.
type versioned struct {
	goplugin.NetRPCUnsupportedPlugin
	operationsv1.UnimplementedKeystoreInstanceKeyOperationServer
	version    int
	initMethod grpc.MethodDesc
}

func (own *versioned) GRPCServer(_ *goplugin.GRPCBroker, server *grpc.Server) error {
	operationsv1.RegisterKeystoreInstanceKeyOperationServer(server, own)
	server.RegisterService(&grpc.ServiceDesc{ServiceName: bootstrapService, Methods: []grpc.MethodDesc{own.initMethod}}, nil)
	return nil
}

func (*versioned) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is a plugin")
}

// GetKey answers a key whose id is the version that was negotiated.
func (own *versioned) GetKey(context.Context, *operationsv1.GetKeyRequest) (*operationsv1.GetKeyResponse, error) {
	return &operationsv1.GetKeyResponse{KeyId: strconv.Itoa(own.version)}, nil
}
