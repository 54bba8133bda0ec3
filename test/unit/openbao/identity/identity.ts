import { setImmediate } from 'node:timers/promises';

import { Secret } from '../../../../src/config/secret.ts';
import { KeystoreError } from '../../../../src/keystore/errors.ts';
import { createLogger } from '../../../../src/logging/logger.ts';
import { createAppRole } from '../../../../src/openbao/auth/approle.ts';
import type { LoginMethod } from '../../../../src/openbao/auth/login-method.ts';
import { toKeystoreError } from '../../../../src/openbao/errors.ts';
import { LoginGate } from '../../../../src/openbao/login-gate.ts';
import { Session } from '../../../../src/openbao/session.ts';
import type { ManualClock } from '../../../support/manual-clock.ts';
import { USE } from '../session-fixture.ts';
import { passTime } from './pass-time.ts';
import type { Random } from './random.ts';
import type { SimulatedOpenBao } from './simulated-openbao.ts';

/** The identity of one process at a simulated server. */
export interface Identity {
  /** One use of the key with 1.2 s of time: `ok`, or the class of its failure. */
  use(): Promise<string>;
  /** Lets running calls end and closes the session. */
  close(random: Random): Promise<void>;
}

export const LOGIN_BUDGET_MS = 5000;
const CALL_BUDGET_MS = 1200;

export function openIdentity(clock: ManualClock, server: SimulatedOpenBao, method: LoginMethod): Identity {
  const session = new Session({
    cluster: server.connect(),
    namespace: '',
    method,
    refusals: new LoginGate(method.rest, clock),
    loginBudgetMs: LOGIN_BUDGET_MS,
    clock,
    log: createLogger({ level: 'error', write: () => undefined }),
  });
  let atWork = 0;

  return {
    async use() {
      const caller = new AbortController();
      const cancel = clock.schedule(CALL_BUDGET_MS, () => {
        caller.abort(new KeystoreError('deadline-exceeded', 'the call took too long'));
      });
      const limits = { signal: caller.signal, deadline: clock.now() + CALL_BUDGET_MS };
      atWork += 1;
      try {
        const answer = await session.send({
          purpose: 'any',
          verb: 'write',
          path: USE,
          body: {},
          context: {},
          ...limits,
        });
        // As whoever asked for the use would read it.
        if (answer.status !== 200) throw toKeystoreError(answer);
        return 'ok';
      } catch (error) {
        return error instanceof KeystoreError ? error.class : String(error);
      } finally {
        atWork -= 1;
        cancel();
      }
    },
    async close(random) {
      await passTime(clock, random, () => atWork === 0);
      let isClosed = false;
      void session.close(new AbortController().signal).then(() => (isClosed = true));
      await setImmediate();
      await passTime(clock, random, () => isClosed);
    },
  };
}

/** AppRole with a secret id that is read anew at each login. */
export function appRole(readSecretId: () => string): LoginMethod {
  return createAppRole({
    mount: 'approle',
    roleId: 'role',
    secretId: { plain: { source: 'file', file: { path: '/secret-id' } } },
    read: () => Promise.resolve(new Secret(readSecretId())),
  });
}
