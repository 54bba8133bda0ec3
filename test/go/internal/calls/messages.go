// Package calls makes unary gRPC calls from a method's full name and its request as protobuf JSON.
package calls

import (
	"fmt"
	"os"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Messages knows the types of methods. A method of the generated code that is linked into the program uses it, as CMK
// does; any other one uses messages built from a descriptor set.
type Messages struct {
	set *protoregistry.Files
}

// Load reads a descriptor set file, as buf and protoc write it.
func Load(file string) (*Messages, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("descriptor set %s: %w", file, err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return nil, fmt.Errorf("descriptor set %s: %w", file, err)
	}
	return &Messages{set: files}, nil
}

// Method returns the types of a method named package.Service/Method.
func (messages *Messages) Method(name string) (input, output protoreflect.MessageType, err error) {
	service, method, _ := strings.Cut(name, "/")
	if found := lookUp(protoregistry.GlobalFiles, service, method); found != nil {
		input, errInput := protoregistry.GlobalTypes.FindMessageByName(found.Input().FullName())
		output, errOutput := protoregistry.GlobalTypes.FindMessageByName(found.Output().FullName())
		if errInput == nil && errOutput == nil {
			return input, output, nil
		}
	}
	if found := lookUp(messages.set, service, method); found != nil {
		return dynamicpb.NewMessageType(found.Input()), dynamicpb.NewMessageType(found.Output()), nil
	}
	return nil, nil, fmt.Errorf("unknown method %q", name)
}

func lookUp(files *protoregistry.Files, service, method string) protoreflect.MethodDescriptor {
	descriptor, err := files.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	if found, ok := descriptor.(protoreflect.ServiceDescriptor); ok {
		return found.Methods().ByName(protoreflect.Name(method))
	}
	return nil
}
