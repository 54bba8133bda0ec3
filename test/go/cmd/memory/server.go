package main

import (
	"errors"
	"slices"

	"github.com/hashicorp/go-hclog"
	operationsv1 "github.com/openkcm/plugin-sdk/proto/plugin/keystore/operations/v1"
	"google.golang.org/grpc"

	"keystoreop-openbao/test/go/internal/calls"
	"keystoreop-openbao/test/go/internal/jsonservice"
)

const (
	cryptoService = "plugin.keystore.crypto.v1.KeystoreInstanceCryptoOperation"
	ownerService  = "test.memory.v1.Owner"
)

// server is what plugin-sdk serves as the plugin: the operations service by name, and the services of crypto and of the
// owner beside it, which Init does not name.
type server struct {
	operations          *operations
	describedOperations *grpc.ServiceDesc
	beside              []*grpc.ServiceDesc
	owner               *owner
}

func newServer(keystore *keystore, messages *calls.Messages) (*server, error) {
	made := &server{operations: &operations{keystore: keystore}, owner: newOwner(keystore)}
	use := &crypto{keystore: keystore}
	var failures []error
	must := func(method grpc.MethodDesc, err error) grpc.MethodDesc {
		failures = append(failures, err)
		return method
	}
	described := operationsv1.KeystoreInstanceKeyOperation_ServiceDesc
	described.Methods = append(slices.Clone(described.Methods), must(jsonservice.Method(
		messages, operationsv1.GRPCServiceFullName+"/GetKeyVersions", made.operations.getKeyVersions)))
	made.describedOperations = &described
	made.beside = []*grpc.ServiceDesc{{
		ServiceName: cryptoService,
		Methods: []grpc.MethodDesc{
			must(jsonservice.Method(messages, cryptoService+"/Encrypt", use.encrypt)),
			must(jsonservice.Method(messages, cryptoService+"/Decrypt", use.decrypt)),
			must(jsonservice.Method(messages, cryptoService+"/Rewrap", use.rewrap)),
			must(jsonservice.Method(messages, cryptoService+"/GetKeyStatus", use.getKeyStatus)),
			must(jsonservice.Method(messages, cryptoService+"/CheckHealth", use.checkHealth)),
		},
	}, made.owner.describe()}
	return made, errors.Join(failures...)
}

func (*server) Type() string { return operationsv1.Type }

func (*server) GRPCServiceName() string { return operationsv1.GRPCServiceFullName }

func (own *server) RegisterServer(registrar *grpc.Server) any {
	registrar.RegisterService(own.describedOperations, own.operations)
	for _, service := range own.beside {
		registrar.RegisterService(service, nil)
	}
	return own
}

// SetLogger is called in Init.
func (own *server) SetLogger(logger hclog.Logger) { own.owner.logger = logger }
