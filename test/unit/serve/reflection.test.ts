import { Metadata, status } from '@grpc/grpc-js';
import descriptors from 'google-protobuf/google/protobuf/descriptor_pb.js';
import { ReflectionV1AlphaService, ReflectionV1Service } from '../../../plugin-protocol/services.ts';
import type {
  ServerReflectionRequest,
  ServerReflectionResponse,
} from '../../../proto/gen/grpc/reflection/v1/reflection.ts';
import { servePlugin, type ServedPlugin } from './served-plugin.ts';

type Question = NonNullable<ServerReflectionRequest['messageRequest']>;
type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

const VERSIONS = [
  ['v1', ReflectionV1Service],
  ['v1alpha', ReflectionV1AlphaService],
] as const;

/** The answers to some questions on one stream. */
async function ask(
  { client }: ServedPlugin,
  questions: (Question | undefined)[],
  service: (typeof VERSIONS)[number][1] = ReflectionV1Service,
): Promise<ServerReflectionResponse[]> {
  const { path, requestSerialize, responseDeserialize } = service.serverReflectionInfo;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata());
  const answers: ServerReflectionResponse[] = [];
  stream.on('data', (answer: ServerReflectionResponse) => answers.push(answer));
  const ended = new Promise<number>((resolve) => stream.on('status', ({ code }) => resolve(code)));
  for (const messageRequest of questions) stream.write({ host: 'h', messageRequest });
  stream.end();
  expect(await ended).toBe(status.OK);
  return answers;
}

const symbol = (value: string): Question => ({ $case: 'fileContainingSymbol', value });
const file = (value: string): Question => ({ $case: 'fileByFilename', value });

/** Names of the files in an answer, in order. */
function filesOf(answer: Answer | undefined): (string | undefined)[] {
  if (answer?.$case !== 'fileDescriptorResponse') throw new Error(`no files: ${JSON.stringify(answer)}`);
  return answer.value.fileDescriptorProto.map((bytes) =>
    descriptors.FileDescriptorProto.deserializeBinary(bytes).getName(),
  );
}

const CONFIG = 'service/common/config/v1/config.proto';
const STDIO = 'plugin/grpc_stdio.proto';
const EMPTY = 'google/protobuf/empty.proto';

describe.each(VERSIONS)('reflection %s', (_name, service) => {
  let plugin: ServedPlugin;
  beforeAll(async () => {
    plugin = await servePlugin();
  });
  afterAll(() => plugin[Symbol.asyncDispose]());

  test('lists exactly what is served', async () => {
    const [answer] = await ask(plugin, [{ $case: 'listServices', value: '*' }], service);
    expect(answer).toEqual({
      validHost: 'h',
      originalRequest: { host: 'h', messageRequest: { $case: 'listServices', value: '*' } },
      messageResponse: {
        $case: 'listServicesResponse',
        value: {
          service: [
            { name: 'grpc.health.v1.Health' },
            { name: 'grpc.reflection.v1.ServerReflection' },
            { name: 'grpc.reflection.v1alpha.ServerReflection' },
            { name: 'plugin.GRPCBroker' },
            { name: 'plugin.GRPCController' },
            { name: 'plugin.GRPCStdio' },
            { name: 'service.common.config.v1.Config' },
          ],
        },
      },
    });
  });

  test.each([
    ['a service', 'service.common.config.v1.Config', CONFIG],
    ['a method', 'service.common.config.v1.Config.Configure', CONFIG],
    ['a message', 'service.common.config.v1.ConfigureRequest', CONFIG],
    ['a field', 'service.common.config.v1.ConfigureRequest.yaml_configuration', CONFIG],
    ['a nested message', 'plugin.ConnInfo.Knock', 'plugin/grpc_broker.proto'],
    ['a nested enum', 'plugin.StdioData.Channel', STDIO],
    ['a value of a nested enum', 'plugin.StdioData.STDOUT', STDIO],
    ['a oneof', 'grpc.reflection.v1.ServerReflectionRequest.message_request', 'grpc/reflection/v1/reflection.proto'],
    ["one of Google's own messages", 'google.protobuf.Struct', 'google/protobuf/struct.proto'],
  ])('finds the file of %s', async (_kind, name, expected) => {
    const [answer] = await ask(plugin, [symbol(name)], service);
    expect(filesOf(answer!.messageResponse)[0]).toBe(expected);
  });

  test('sends a file with its imports, and each import once a stream', async () => {
    const answers = await ask(plugin, [file(STDIO), symbol('plugin.GRPCStdio'), file(EMPTY)], service);
    expect(answers.map(({ messageResponse }) => filesOf(messageResponse))).toEqual([[STDIO, EMPTY], [STDIO], [EMPTY]]);
  });

  test.each<[Question | undefined, number, string]>([
    [symbol('no.such.Thing'), status.NOT_FOUND, 'Symbol not found: no.such.Thing'],
    [symbol(''), status.NOT_FOUND, 'Symbol not found: '],
    [symbol('__proto__'), status.NOT_FOUND, 'Symbol not found: __proto__'],
    [file('no/such.proto'), status.NOT_FOUND, 'File not found: no/such.proto'],
    [
      { $case: 'fileContainingExtension', value: { containingType: 'plugin.ConnInfo', extensionNumber: 1 } },
      status.NOT_FOUND,
      'Extension not found: plugin.ConnInfo',
    ],
    [{ $case: 'allExtensionNumbersOfType', value: 'no.Such' }, status.NOT_FOUND, 'Symbol not found: no.Such'],
    [undefined, status.INVALID_ARGUMENT, 'the request asks for nothing'],
  ])('answers %j with an error, and goes on', async (question, errorCode, errorMessage) => {
    const answers = await ask(plugin, [question, file(EMPTY)], service);
    expect(answers[0]!.messageResponse).toEqual({ $case: 'errorResponse', value: { errorCode, errorMessage } });
    expect(filesOf(answers[1]!.messageResponse)).toEqual([EMPTY]);
  });

  test('a message has no extensions', async () => {
    const [answer] = await ask(plugin, [{ $case: 'allExtensionNumbersOfType', value: 'plugin.ConnInfo' }], service);
    expect(answer!.messageResponse).toEqual({
      $case: 'allExtensionNumbersResponse',
      value: { baseTypeName: 'plugin.ConnInfo', extensionNumber: [] },
    });
  });
});

test('a stream that is left open ends at the stop, a cancelled one does no harm', async () => {
  await using plugin = await servePlugin();
  const { path, requestSerialize, responseDeserialize } = ReflectionV1Service.serverReflectionInfo;
  const open = () => {
    const stream = plugin.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata());
    const answered = new Promise((resolve) => stream.once('data', resolve));
    const ended = new Promise<number>((resolve) => stream.on('status', ({ code }) => resolve(code)));
    stream.on('error', () => undefined);
    stream.write({ host: '', messageRequest: file(EMPTY) });
    return { stream, answered, ended };
  };
  const [held, cancelled] = [open(), open()];
  await Promise.all([held.answered, cancelled.answered]);
  cancelled.stream.cancel();
  expect(await cancelled.ended).toBe(status.CANCELLED);
  plugin.services.stop();
  expect(await held.ended).toBe(status.OK);
});

test('every service that is served is described', async () => {
  await using plugin = await servePlugin();
  const [list] = await ask(plugin, [{ $case: 'listServices', value: '' }]);
  const listed = list!.messageResponse;
  if (listed?.$case !== 'listServicesResponse') throw new Error('no list');
  const answers = await ask(
    plugin,
    listed.value.service.map(({ name }) => symbol(name)),
  );
  for (const { messageResponse } of answers) expect(filesOf(messageResponse).length).toBeGreaterThan(0);
});
