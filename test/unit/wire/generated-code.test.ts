import { createFileRegistry, equals, fromBinary, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import fc from 'fast-check';

import { SERVICE_DEFINITIONS, SERVICE_NAMES, type ServiceKey } from '../../../keystore-contract/plugin-types.ts';
import {
  BrokerService,
  ControllerService,
  HealthService,
  ReflectionV1AlphaService,
  ReflectionV1Service,
  StdioService,
} from '../../../plugin-protocol/services.ts';
import { DESCRIPTOR_SET_BASE64 } from '../../../proto/gen/descriptor-set.ts';
import { ErrorInfo, RetryInfo } from '../../../proto/gen/google/rpc/error_details.ts';
import { Status } from '../../../proto/gen/google/rpc/status.ts';
import { WIRE_CONTRACT } from '../../vectors/wire-contract.ts';
import { fillMessage } from './arbitrary-message.ts';

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTOR_SET_BASE64, 'base64')));

const GENERATED: Record<string, ServiceDefinition> = {
  ...Object.fromEntries(
    Object.entries(SERVICE_DEFINITIONS).map(([key, definition]) => [SERVICE_NAMES[key as ServiceKey], definition]),
  ),
  'plugin.GRPCBroker': BrokerService,
  'plugin.GRPCController': ControllerService,
  'plugin.GRPCStdio': StdioService,
  'grpc.health.v1.Health': HealthService,
  'grpc.reflection.v1.ServerReflection': ReflectionV1Service,
  'grpc.reflection.v1alpha.ServerReflection': ReflectionV1AlphaService,
};

function messageType(name: string): DescMessage {
  const type = registry.getMessage(name);
  if (type === undefined) throw new Error(`no message ${name}`);
  return type;
}

/** Bytes made from the descriptor by another library keep their meaning through the generated code. */
function expectSameMeaning(type: DescMessage, throughGeneratedCode: (bytes: Buffer) => Uint8Array): void {
  fc.assert(
    fc.property(fc.gen(), (draw) => {
      const { message } = fillMessage(type, draw);
      const bytes = Buffer.from(toBinary(type, message));
      expect(equals(type, fromBinary(type, throughGeneratedCode(bytes)), message, { registry, unknown: true })).toBe(
        true,
      );
    }),
    { numRuns: 40 },
  );
}

describe('generated services', () => {
  const services = [...registry].filter((each) => each.kind === 'service');

  test('R-PROC-02 there is a definition for every service of the contract and no other', () => {
    const written = Object.entries(WIRE_CONTRACT).flatMap(([name, table]) =>
      Object.keys(table.services ?? {}).map((service) => `${name}.${service}`),
    );
    expect(Object.keys(GENERATED).sort()).toEqual(written.sort());
    expect(services.map((service) => service.typeName).sort()).toEqual(written.sort());
  });

  test.each(services.map((service) => [service.typeName, service] as const))(
    'R-PROC-02 %s: paths, streaming and message types of every method',
    (name, service) => {
      const methods = Object.values(GENERATED[name]!);
      expect(
        methods.map(({ path, requestStream, responseStream }) => ({ path, requestStream, responseStream })),
      ).toEqual(
        service.methods.map((method) => ({
          path: `/${name}/${method.name}`,
          requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
          responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
        })),
      );
      for (const [index, method] of service.methods.entries()) {
        const generated = methods[index] as MethodDefinition<object, object>;
        expectSameMeaning(method.input, (bytes) => generated.requestSerialize(generated.requestDeserialize(bytes)));
        expectSameMeaning(method.output, (bytes) => generated.responseSerialize(generated.responseDeserialize(bytes)));
      }
    },
  );
});

describe('generated messages of the status details', () => {
  test('R-PROC-02 google.rpc messages keep their meaning', () => {
    const type = (name: string): DescMessage => messageType(`google.rpc.${name}`);
    expectSameMeaning(type('Status'), (bytes) => Status.encode(Status.decode(bytes)).finish());
    expectSameMeaning(type('ErrorInfo'), (bytes) => ErrorInfo.encode(ErrorInfo.decode(bytes)).finish());
    expectSameMeaning(type('RetryInfo'), (bytes) => RetryInfo.encode(RetryInfo.decode(bytes)).finish());
  });
});
