import { performance } from 'node:perf_hooks';

import { readBoundedFile } from '../../src/config/bounded-file.ts';
import { parseConfiguration } from '../../src/config/parse.ts';
import { Secret } from '../../src/config/secret.ts';
import { readSourceRef } from '../../src/config/source-ref.ts';
import { KeystoreError } from '../../src/keystore/errors.ts';
import type { KeystoreCall } from '../../src/keystore/call.ts';
import { systemClock, type Clock } from '../../src/openbao/clock.ts';
import { TransitKeystore } from '../../src/openbao/transit-keystore.ts';
import type { AuthMethod, Customer } from '../support/customer.ts';
import { type RecordedLog, recordLog } from '../support/record-log.ts';

/** The keystore of the sources on a customer's real OpenBao. */
export interface LiveKeystore extends AsyncDisposable {
  readonly keystore: TransitKeystore;
  readonly log: RecordedLog;
  /** A call with the customer's identity, and 1.2 s of time unless told otherwise. */
  call(options?: { timeMs?: number; values?: Record<string, unknown> }): KeystoreCall;
  /** `ok`, or the class of the failure of an encrypt and a decrypt. */
  roundTrip(keyId: string, options?: { timeMs?: number }): Promise<string>;
  /** How many logins succeeded so far. */
  logins(): number;
}

const PLAINTEXT = Buffer.from('live plaintext');

/** Opens a keystore by a configuration of the customer's; makes no connection. */
export function openLiveKeystore(
  customer: Pick<Customer, 'yaml' | 'values'>,
  method: AuthMethod,
  options: { changes?: Record<string, unknown>; clock?: Clock } = {},
): LiveKeystore {
  const configuration = parseConfiguration(customer.yaml(method, options.changes), {
    type: 'KeystoreInstanceKeyOperation',
  });
  const log = recordLog();
  const readers = { readFile: readBoundedFile, environment: {} };
  const keystore = new TransitKeystore({
    configuration,
    log: log.log,
    read: (ref) => readSourceRef(ref, readers),
    clock: options.clock ?? systemClock,
  });
  const live: LiveKeystore = {
    keystore,
    log,
    call({ timeMs = 1200, values = {} } = {}) {
      const { address, clientCert, privateKey, roleName, mountPath } = customer.values(method, values);
      const own = typeof clientCert === 'string' && typeof privateKey === 'string';
      const signal = AbortSignal.timeout(timeMs);
      return {
        access: {
          ...(typeof address === 'string' && { address }),
          ...(typeof roleName === 'string' && { roleName }),
          ...(typeof mountPath === 'string' && { mountPath }),
          ...(own && { certificate: { certificateChainPem: clientCert, privateKeyPem: new Secret(privateKey) } }),
        },
        signal: asDeadline(signal),
        deadline: performance.now() + timeMs,
        trace: { openbaoRequestIds: [] },
      };
    },
    async roundTrip(keyId, { timeMs } = {}) {
      const call = () => live.call(timeMs === undefined ? {} : { timeMs });
      try {
        const { ciphertext } = await keystore.encrypt(call(), { keyId, plaintext: PLAINTEXT });
        const { plaintext } = await keystore.decrypt(call(), { keyId, ciphertext });
        return plaintext.equals(PLAINTEXT) ? 'ok' : 'wrong';
      } catch (error) {
        return error instanceof KeystoreError ? error.class : String(error);
      }
    },
    logins: () => log.entries('logged in to OpenBao').length,
    [Symbol.asyncDispose]: () => keystore.close(),
  };
  return live;
}

/** The signal as the adapter of calls gives it: with the reason in the words of the domain. */
function asDeadline(timeout: AbortSignal): AbortSignal {
  const controller = new AbortController();
  timeout.addEventListener('abort', () =>
    controller.abort(new KeystoreError('deadline-exceeded', 'the call took too long')),
  );
  return controller.signal;
}
