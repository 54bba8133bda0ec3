import { status, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';

import { ReflectionV1AlphaService, ReflectionV1Service } from '../../plugin-protocol/services.ts';
import type {
  ServerReflectionRequest,
  ServerReflectionResponse,
  ServerReflectionServer,
} from '../../proto/gen/grpc/reflection/v1/reflection.ts';

import type { DescriptorIndex } from './descriptor-index.ts';
import type { OpenStreams } from './open-streams.ts';
import type { ServiceRegistration } from './service.ts';

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;
type Question = NonNullable<ServerReflectionRequest['messageRequest']>;
type Stream = ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>;

/**
 * Reflection in both versions, whose messages are the same. It lists the given services and itself; the descriptors are
 * loaded at the first request.
 */
export function createReflection(
  definitions: readonly ServiceDefinition[],
  streams: OpenStreams,
): readonly ServiceRegistration[] {
  const own = [ReflectionV1Service, ReflectionV1AlphaService];
  const names = [...definitions, ...own].map(serviceName).sort();
  const implementation: ServerReflectionServer = {
    serverReflectionInfo: (call) => {
      streams.hold(call);
      answerAll(call, names);
    },
  };
  return own.map((definition) => ({ definition, implementation }));
}

/** The full name of a service, which its definition holds only as part of the paths of its methods. */
function serviceName(definition: ServiceDefinition): string {
  return Object.values(definition)[0]?.path.split('/')[1] ?? '';
}

function answerAll(call: Stream, names: readonly string[]): void {
  const sent = new Set<string>();
  const loading = import('./descriptor-index.ts').then(({ loadDescriptorIndex }) => loadDescriptorIndex());
  const fail = (): void => {
    call.emit('error', { code: status.INTERNAL, details: 'the descriptors do not load' });
  };
  // Not `for await`, which would destroy the stream, and so the status, at the end of the requests.
  call.on('data', (request: ServerReflectionRequest) => {
    loading.then((index) => call.write(respond(request, { index, names, sent })), fail);
  });
  call.on('end', () => {
    loading.then(() => call.end(), fail);
  });
}

function respond(request: ServerReflectionRequest, sources: Sources): ServerReflectionResponse {
  const messageResponse =
    request.messageRequest === undefined
      ? failure(status.INVALID_ARGUMENT, 'the request asks for nothing')
      : answer(request.messageRequest, sources);
  return { validHost: request.host, originalRequest: request, messageResponse };
}

interface Sources {
  readonly index: DescriptorIndex;
  readonly names: readonly string[];
  /** Files this stream has been sent. */
  readonly sent: Set<string>;
}

function answer(question: Question, { index, names, sent }: Sources): Answer {
  switch (question.$case) {
    case 'listServices':
      return { $case: 'listServicesResponse', value: { service: names.map((name) => ({ name })) } };
    case 'fileByFilename':
      return files(index.hasFile(question.value) ? question.value : undefined, `File not found: ${question.value}`);
    case 'fileContainingSymbol':
      return files(index.fileOf(question.value), `Symbol not found: ${question.value}`);
    case 'fileContainingExtension':
      return failure(status.NOT_FOUND, `Extension not found: ${question.value.containingType}`);
    case 'allExtensionNumbersOfType':
      // proto3 messages have no extensions.
      return index.fileOf(question.value) === undefined
        ? failure(status.NOT_FOUND, `Symbol not found: ${question.value}`)
        : { $case: 'allExtensionNumbersResponse', value: { baseTypeName: question.value, extensionNumber: [] } };
  }

  function files(file: string | undefined, notFound: string): Answer {
    if (file === undefined) return failure(status.NOT_FOUND, notFound);
    return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: index.withDependencies(file, sent) } };
  }
}

function failure(errorCode: status, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}
