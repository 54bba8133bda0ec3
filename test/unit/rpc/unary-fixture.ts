import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  type CallOptions,
  credentials,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js';

import {
  type DecryptRequest,
  type DecryptResponse,
  KeystoreInstanceCryptoOperationClient,
  KeystoreInstanceCryptoOperationService,
} from '../../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import { unary, type UnaryContext, type UnaryOptions } from '../../../src/rpc/unary.ts';
import { type RecordedLog, recordLog } from '../../support/record-log.ts';

export type Options = Partial<UnaryOptions<DecryptRequest, DecryptResponse>>;
export type Handle = (request: DecryptRequest, context: UnaryContext) => Promise<DecryptResponse>;

/** One method, served by a real gRPC server on a socket of its own. */
export interface Stage extends AsyncDisposable {
  readonly log: RecordedLog;
  readonly stop: AbortController;
  /** Serves the next calls by another handler. */
  serve(handle: Handle, options?: Options): void;
  call(request?: Partial<DecryptRequest>, options?: Partial<CallOptions>): Call;
}

export interface Call extends Promise<DecryptResponse> {
  cancel(): void;
}

export const ANSWER: DecryptResponse = { plaintext: Buffer.from('plaintext'), keyVersionId: '1' };

export async function startStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'unary-'));
  const log = recordLog();
  const stop = new AbortController();
  const environment = { log: log.log, stopSignal: stop.signal };
  let current: handleUnaryCall<DecryptRequest, DecryptResponse> = () => undefined;
  const serve = (handle: Handle, options: Options = {}): void => {
    current = unary(environment, { rpc: 'Decrypt', face: 'crypto', budgetMs: () => Infinity, handle, ...options });
  };
  serve(() => Promise.resolve(ANSWER));

  const server = new Server();
  server.addService(
    { decrypt: KeystoreInstanceCryptoOperationService.decrypt },
    { decrypt: ((call, callback) => current(call, callback)) as typeof current },
  );
  const target = `unix:${join(folder, 'socket')}`;
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
  const client = new KeystoreInstanceCryptoOperationClient(target, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  return {
    log,
    stop,
    serve,
    call(request = {}, options = {}) {
      const { promise, resolve, reject } = Promise.withResolvers<DecryptResponse>();
      const call = client.decrypt(
        { parameters: undefined, ciphertext: Buffer.alloc(0), ...request },
        new Metadata(),
        options,
        (error, response) => {
          if (error === null) resolve(response);
          else reject(error);
        },
      );
      return Object.assign(promise, { cancel: () => call.cancel() });
    },
    async [Symbol.asyncDispose]() {
      client.close();
      server.forceShutdown();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
