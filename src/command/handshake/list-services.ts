import type { Client, ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';

import { ReflectionV1Service } from '../../../plugin-protocol/services.ts';
import type { ServerReflectionResponse } from '../../../proto/gen/grpc/reflection/v1/reflection.ts';

/** The services that reflection names, sorted; or in words why there are none to be had. */
export async function listServices(
  client: Client,
  { signal, timeoutMs }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<readonly string[] | string> {
  const { path, requestSerialize, responseDeserialize } = ReflectionV1Service.serverReflectionInfo;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, {
    deadline: Date.now() + timeoutMs,
  });
  const cancel = (): void => stream.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await new Promise((resolve) => {
      stream
        .on('data', ({ messageResponse: answer }: ServerReflectionResponse) => {
          if (answer?.$case === 'listServicesResponse') resolve(answer.value.service.map(({ name }) => name).sort());
          else resolve(answer?.$case === 'errorResponse' ? answer.value.errorMessage : 'an answer to another question');
        })
        .on('error', ({ code, details }: ServiceError) => resolve(`${status[code]}: ${details}`))
        .on('end', () => resolve('the stream ended without an answer'));
      stream.write({ host: '', messageRequest: { $case: 'listServices', value: '' } });
    });
  } finally {
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}
