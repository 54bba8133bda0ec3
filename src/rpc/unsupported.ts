import type { handleUnaryCall } from '@grpc/grpc-js';

import { KeystoreError } from '../keystore/errors.ts';
import type { ActiveKeystore } from './active-keystore.ts';
import { unary, type UnaryEnvironment } from './unary.ts';

/**
 * A method of the contract that is served and not offered. Never Unimplemented: that would look like a plugin of another
 * version.
 */
export function unsupported<Request, Response>(
  rpc: string,
  keystore: ActiveKeystore,
  environment: UnaryEnvironment,
): handleUnaryCall<Request, Response> {
  return unary(environment, {
    rpc,
    face: 'operations',
    budgetMs: () => Infinity,
    handle: () => {
      keystore.get();
      return Promise.reject(new KeystoreError('unsupported', 'the operation is not offered'));
    },
  });
}
