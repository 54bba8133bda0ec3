import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';

import { status, type ServiceError } from '@grpc/grpc-js';

import { parseStatusDetails } from '../../../plugin-protocol/status-details.ts';
import type { DecryptResponse } from '../../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';
import type { UnaryContext } from '../../../src/rpc/unary.ts';
import { until } from '../../support/until.ts';
import { ANSWER, type Handle, type Stage, startStage } from './unary-fixture.ts';

const CANARY = 'CANARY-77aa';
const failure = (promise: Promise<unknown>): Promise<ServiceError> =>
  promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as ServiceError,
  );
const seconds = (count: number) => ({ deadline: Date.now() + count * 1000 });

let stage: Stage;
beforeEach(async () => {
  stage = await startStage();
});
afterEach(() => stage[Symbol.asyncDispose]());

/** Waits for its end: rejects with the reason of the signal. */
const untilAborted: Handle = (_request, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

/** Serves a handler that tells when it has begun, and its context. */
function observed(handle: Handle): { readonly begun: Promise<UnaryContext>; readonly handle: Handle } {
  const { promise: begun, resolve } = Promise.withResolvers<UnaryContext>();
  return {
    begun,
    handle: (request, context) => {
      resolve(context);
      return handle(request, context);
    },
  };
}

describe('a call that succeeds', () => {
  it('brings the answer, and one log line of level debug', async () => {
    const trace: Handle = (_request, context) => {
      context.trace.openbaoRequestIds.push('r-1', 'r-2');
      return Promise.resolve(ANSWER);
    };
    stage.serve(trace, { describe: () => ({ key_id: 'k', request_id: 'caller-1' }) });
    expect((await stage.call()).plaintext.toString()).toBe('plaintext');
    expect(stage.log.entries()).toEqual([
      expect.objectContaining({
        '@level': 'debug',
        '@message': 'call',
        rpc: 'Decrypt',
        outcome: 'ok',
        key_id: 'k',
        request_id: 'caller-1',
        openbao_request_id: 'r-1 r-2',
        duration_ms: expect.any(Number) as unknown,
      }),
    ]);
  });

  it('has no deadline when neither side sets one', async () => {
    const { begun, handle } = observed(() => Promise.resolve(ANSWER));
    stage.serve(handle);
    await stage.call();
    expect((await begun).deadline).toBe(Infinity);
  });
});

describe('a call that fails', () => {
  it('R-ERR-01 R-ERR-03 answers what the table says, and one log line of its level', async () => {
    const details = { httpStatus: 403, policyPath: 'transit/decrypt/k', capability: 'update' };
    stage.serve(() => Promise.reject(new KeystoreError('permission-denied', 'denied', details)));
    const error = await failure(stage.call());
    expect([error.code, error.details]).toEqual([
      status.PERMISSION_DENIED,
      'the keystore provider denies the operation',
    ]);
    const [bytes] = error.metadata.get('grpc-status-details-bin');
    expect(parseStatusDetails(bytes as Buffer)).toEqual({
      code: error.code,
      message: error.details,
      errorInfo: {
        reason: 'DENIED_BY_POLICY',
        domain: '',
        metadata: { path: 'transit/decrypt/k', capability: 'update' },
      },
    });
    expect(stage.log.entries()).toEqual([
      expect.objectContaining({
        '@level': 'warn',
        '@message': 'call',
        outcome: 'permission-denied',
        http_status: 403,
        path: 'transit/decrypt/k',
        capability: 'update',
      }),
    ]);
  });

  it.each<[string, Handle]>([
    ['a rejection', () => Promise.reject(new TypeError(CANARY))],
    [
      'an error with a secret behind it',
      () => Promise.reject(Object.assign(new Error(CANARY, { cause: new Error(CANARY) }), { body: CANARY })),
    ],
    [
      'an error that is thrown at once',
      () => {
        throw new RangeError(`${CANARY}\n    at ${CANARY}`.replace(/\n[^]*/, ''));
      },
    ],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    ['a text', () => Promise.reject(CANARY)],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    ['an object', () => Promise.reject({ token: CANARY })],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    ['nothing', () => Promise.reject(undefined)],
    ['a status of grpc-js', () => Promise.reject(Object.assign(new Error(CANARY), { code: 5, details: CANARY }))],
    ['a reading of what is not there', () => Promise.reject(Object.assign(new Error(CANARY), { class: 'sealed' }))],
  ])(
    'R-ERR-06 by a defect (%s): a fixed text, a reference that is found in the log, and nothing of the original',
    async (_name, handle) => {
      stage.serve(handle);
      const error = await failure(stage.call());
      expect(error.code).toBe(status.INTERNAL);
      const reference = /^internal error \(reference ([0-9a-f-]{36})\)$/.exec(error.details)?.[1];
      expect(stage.log.entries()).toEqual([
        expect.objectContaining({ '@level': 'error', '@message': 'call', outcome: 'internal', reference }),
      ]);
      const everything = [inspect(error, { depth: 9 }), JSON.stringify(error), ...stage.log.lines];
      for (const [, values] of Object.entries(error.metadata.getMap())) everything.push(values.toString());
      expect(everything.join()).not.toContain(CANARY);
      stage.serve(() => Promise.resolve(ANSWER));
      expect(await stage.call()).toMatchObject({ keyVersionId: '1' });
    },
  );

  it('R-ERR-06 the log line of a defect tells its kind and place', async () => {
    stage.serve(() => Promise.reject(new TypeError(CANARY)));
    await failure(stage.call());
    const [line] = stage.log.entries();
    expect(line?.error_name).toBe('TypeError');
    expect(line?.error_stack).toMatch(/^ {4}at .*unary\.test/);
  });

  it('before it began, for want of a configuration, answers and is logged like any other', async () => {
    stage.serve(() => Promise.resolve(ANSWER), {
      budgetMs: () => {
        throw new KeystoreError('not-configured', 'the plugin is not configured');
      },
    });
    expect((await failure(stage.call())).code).toBe(status.FAILED_PRECONDITION);
    expect(stage.log.entries()).toEqual([expect.objectContaining({ '@level': 'warn', outcome: 'not-configured' })]);
  });
});

describe('R-ERR-08 the ends of a call', () => {
  it('its own budget', async () => {
    const { begun, handle } = observed(untilAborted);
    stage.serve(handle, { budgetMs: () => 30 });
    const error = await failure(stage.call({}, seconds(60)));
    expect([error.code, error.details]).toEqual([status.DEADLINE_EXCEEDED, 'the call took too long']);
    expect((await begun).signal.reason).toMatchObject({ class: 'deadline-exceeded' });
    expect(stage.log.entries()).toEqual([expect.objectContaining({ '@level': 'warn', outcome: 'deadline-exceeded' })]);
  });

  it('the deadline of the caller, if that is sooner', async () => {
    const { begun, handle } = observed(untilAborted);
    stage.serve(handle, { budgetMs: () => 60_000 });
    const before = performance.now();
    const call = failure(stage.call({}, { deadline: Date.now() + 150 }));
    const { deadline, signal } = await begun;
    expect(deadline - before).toBeLessThan(1000);
    expect((await call).code).toBe(status.DEADLINE_EXCEEDED);
    await until('the handler is told', () => signal.aborted);
    await until('the call is logged', () => stage.log.lines.length > 0);
    expect(signal.reason).toMatchObject({ class: 'deadline-exceeded' });
    expect(stage.log.entries()).toEqual([expect.objectContaining({ outcome: 'deadline-exceeded' })]);
  });

  it('the caller goes away', async () => {
    const { begun, handle } = observed(untilAborted);
    stage.serve(handle);
    const call = stage.call();
    const { signal } = await begun;
    call.cancel();
    expect((await failure(call)).code).toBe(status.CANCELLED);
    await until('the call is logged', () => stage.log.lines.length > 0);
    expect(signal.reason).toMatchObject({ class: 'cancelled' });
    expect(stage.log.entries()).toEqual([expect.objectContaining({ '@level': 'debug', outcome: 'cancelled' })]);
  });

  it('the plugin stops', async () => {
    const { begun, handle } = observed(untilAborted);
    stage.serve(handle);
    const call = failure(stage.call());
    await begun;
    stage.stop.abort();
    expect(await call).toMatchObject({ code: status.UNAVAILABLE, details: 'the plugin is stopping' });
  });

  it('a call that comes after the stop does not begin', async () => {
    stage.stop.abort();
    const handle = jest.fn<ReturnType<Handle>, Parameters<Handle>>(() => Promise.resolve(ANSWER));
    stage.serve(handle);
    expect(await failure(stage.call())).toMatchObject({ code: status.UNAVAILABLE });
    expect(handle).not.toHaveBeenCalled();
  });

  it('what the interruption does to the handler is told by the reason of the interruption', async () => {
    stage.serve(
      (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new DOMException(CANARY, 'AbortError')));
        }),
      { budgetMs: () => 20 },
    );
    expect(await failure(stage.call())).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      details: 'the call took too long',
    });
  });

  it('an answer that comes although the time is up is still the answer', async () => {
    stage.serve(
      (_request, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(ANSWER));
        }),
      { budgetMs: () => 20 },
    );
    expect(await stage.call()).toMatchObject({ keyVersionId: '1' });
  });
});

describe('what a call leaves behind', () => {
  it('is no listener on the stop signal after 2,000 calls, of which many at once', async () => {
    let most = 0;
    const handle: Handle = async () => {
      most = Math.max(most, getEventListeners(stage.stop.signal, 'abort').length);
      await new Promise((resolve) => setImmediate(resolve));
      return ANSWER;
    };
    stage.serve(handle, { budgetMs: () => 60_000 });
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(Array.from({ length: 100 }, () => stage.call()));
    }
    expect(most).toBeGreaterThan(20);
    expect(getEventListeners(stage.stop.signal, 'abort')).toEqual([]);
    expect(stage.log.lines).toHaveLength(2000);
  });

  it('is no listener after calls that failed or were cancelled', async () => {
    stage.serve(untilAborted, { budgetMs: () => 20 });
    await Promise.all(Array.from({ length: 20 }, () => failure(stage.call())));
    const { begun, handle } = observed(untilAborted);
    stage.serve(handle);
    const call = stage.call();
    await begun;
    call.cancel();
    await failure(call);
    await until('it is over', () => getEventListeners(stage.stop.signal, 'abort').length === 0);
  });

  it('R-SEC-01 is no plaintext: what was to be wiped is wiped, once it has been sent', async () => {
    const answered: Buffer[] = [];
    const requested: Buffer[] = [];
    stage.serve(
      ({ ciphertext }): Promise<DecryptResponse> => {
        requested.push(ciphertext);
        const plaintext = Buffer.alloc(100_000, 'secret');
        answered.push(plaintext);
        return Promise.resolve({ plaintext, keyVersionId: '1' });
      },
      {
        release: ({ ciphertext }, response) => {
          ciphertext.fill(0);
          response?.plaintext.fill(0);
        },
      },
    );
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => stage.call({ ciphertext: Buffer.from('secret') })),
    );
    const sent = Buffer.alloc(100_000, 'secret');
    expect(answers.every(({ plaintext }) => plaintext.equals(sent))).toBe(true);
    expect([...answered, ...requested].every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
    expect([answered.length, requested.length]).toEqual([20, 20]);
  });

  it.each<[string, Handle]>([
    ['failed', () => Promise.reject(new KeystoreError('sealed', 'sealed'))],
    ['broke', () => Promise.reject(new Error('defect'))],
  ])('R-SEC-01 is no plaintext of a request that %s', async (_name, handle) => {
    let wiped: Buffer | undefined;
    stage.serve(handle, {
      release: ({ ciphertext }, response) => {
        expect(response).toBeUndefined();
        wiped = ciphertext.fill(0);
      },
    });
    await failure(stage.call({ ciphertext: Buffer.from('secret') }));
    expect(wiped).toEqual(Buffer.alloc(6));
  });

  it('R-SEC-01 is no plaintext of a request that did not begin', async () => {
    let wiped = 0;
    const release = (): void => void (wiped += 1);
    const notConfigured = (): number => {
      throw new KeystoreError('not-configured', 'x');
    };
    stage.serve(() => Promise.resolve(ANSWER), { release, budgetMs: notConfigured });
    await failure(stage.call());
    stage.stop.abort();
    stage.serve(() => Promise.resolve(ANSWER), { release });
    await failure(stage.call());
    expect(wiped).toBe(2);
  });
});
