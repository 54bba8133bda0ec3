import { setImmediate } from 'node:timers/promises';

import { Sessions, type Endable } from '../../../src/openbao/sessions.ts';
import type { Target } from '../../../src/openbao/target.ts';
import { until } from '../../support/until.ts';

const never = new AbortController().signal;
// What comes before the colon is the credential.
const target = (sessionKey: string): Target => ({ sessionKey, credential: sessionKey.split(':')[0] }) as Target;

/** What a session was told, in order. */
class Recorded implements Endable {
  readonly told: string[] = [];
  readonly #closed = Promise.withResolvers<undefined>();
  readonly #holds: boolean;

  constructor(holds: boolean) {
    this.#holds = holds;
  }

  quiesce(): void {
    this.told.push('quiesce');
  }

  async close(signal: AbortSignal): Promise<void> {
    this.told.push('close');
    signal.addEventListener('abort', () => this.release());
    if (this.#holds) await this.#closed.promise;
    this.told.push('closed');
  }

  release(): void {
    this.#closed.resolve(undefined);
  }
}

function open({ max = 10, maxPerCredential = 10, idleMs = 60_000, holds = false } = {}) {
  const opened = new Map<string, Recorded[]>();
  const sessions = new Sessions<Recorded>({
    max,
    maxPerCredential,
    idleMs,
    open: ({ sessionKey }) => {
      const session = new Recorded(holds);
      opened.set(sessionKey, [...(opened.get(sessionKey) ?? []), session]);
      return session;
    },
  });
  const touch = (key: string): Promise<Recorded> => sessions.use(target(key), (session) => Promise.resolve(session));
  return { sessions, opened, touch };
}

function pause() {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return {
    promise,
    end: () => {
      resolve(undefined);
    },
  };
}

describe('Sessions', () => {
  it('R-AUTH-04 gives one session to calls of one target and another to any other', async () => {
    const { sessions, touch } = open();
    const [a, again, b] = [await touch('a'), await touch('a'), await touch('b')];
    expect(again).toBe(a);
    expect(b).not.toBe(a);
    expect(sessions.peek(target('a'))).toBe(a);
    expect(sessions.peek(target('c'))).toBeUndefined();
    await sessions.close(never);
  });

  it('R-AUTH-42 end one of the same credential when that has too many, and never one of another', async () => {
    const { sessions, touch } = open({ maxPerCredential: 2 });
    const other = await touch('other');
    const [first, second] = [await touch('greedy:1'), await touch('greedy:2')];
    await touch('greedy:1');
    await touch('greedy:3');
    await setImmediate();
    expect([other.told, first.told, second.told]).toEqual([[], [], ['close', 'closed']]);
    await sessions.close(never);
  });

  it('lets the one go that was used least recently, and closes it', async () => {
    const { sessions, touch } = open({ max: 2 });
    const [a, b] = [await touch('a'), await touch('b')];
    await touch('a');
    await touch('c');
    await setImmediate();
    expect(b.told).toEqual(['close', 'closed']);
    expect(a.told).toEqual([]);
    expect(await touch('a')).toBe(a);
    await sessions.close(never);
  });

  it('a session that has to go ends after its last call', async () => {
    const { sessions, touch } = open({ max: 1 });
    const [first, second] = [pause(), pause()];
    let session: Recorded | undefined;
    const calls = [first, second].map(({ promise }) =>
      sessions.use(target('a'), async (used) => {
        session = used;
        await promise;
      }),
    );
    await touch('b');
    first.end();
    await calls[0];
    expect(session?.told).toEqual([]);
    second.end();
    await calls[1];
    await setImmediate();
    expect(session?.told).toEqual(['close', 'closed']);
    expect(await touch('a')).not.toBe(session);
    await sessions.close(never);
  });

  it('also when its last call fails', async () => {
    const { sessions, opened, touch } = open({ max: 1 });
    const held = pause();
    const call = sessions.use(target('a'), () => held.promise.then(() => Promise.reject(new Error('failed'))));
    await touch('b');
    held.end();
    await expect(call).rejects.toThrow('failed');
    await setImmediate();
    expect(opened.get('a')?.[0]?.told).toEqual(['close', 'closed']);
    await sessions.close(never);
  });

  it('lets an idle one go by itself, and a used one not', async () => {
    const { sessions, touch } = open({ idleMs: 1000 });
    const [idle, used] = [await touch('idle'), await touch('used')];
    // The sweep is real time, since nothing else would end a session that nobody asks for.
    const timer = setInterval(() => void touch('used'), 100);
    await until('the idle one has ended', () => idle.told.includes('closed'));
    clearInterval(timer);
    expect(used.told).toEqual([]);
    await sessions.close(never);
  });

  it('R-AUTH-23 quiets all it has and all it will have', async () => {
    const { sessions, touch } = open();
    const before = await touch('a');
    sessions.quiesce();
    expect(before.told).toEqual(['quiesce']);
    expect((await touch('b')).told).toEqual(['quiesce']);
    await sessions.close(never);
  });
});

describe('closing', () => {
  it('waits for running calls and for the sessions to end', async () => {
    const { sessions, opened, touch } = open({ holds: true });
    const idle = await touch('idle');
    const held = pause();
    const call = sessions.use(target('busy'), () => held.promise);
    let closed = false;
    const closing = sessions.close(never).then(() => (closed = true));
    await setImmediate();
    const busy = opened.get('busy')![0]!;
    expect([idle.told, busy.told, closed]).toEqual([['close'], [], false]);
    idle.release();
    held.end();
    await call;
    await setImmediate();
    expect([busy.told, closed]).toEqual([['close'], false]);
    busy.release();
    await closing;
    expect(busy.told).toEqual(['close', 'closed']);
  });

  it('waits for those that left before and are still on their way out', async () => {
    const { sessions, touch } = open({ max: 1, holds: true });
    const gone = await touch('a');
    (await touch('b')).release();
    let closed = false;
    const closing = sessions.close(never).then(() => (closed = true));
    await setImmediate();
    expect(closed).toBe(false);
    gone.release();
    await closing;
  });

  it('does not wait beyond its signal, and tells the sessions', async () => {
    const { sessions, touch } = open({ holds: true });
    const session = await touch('a');
    const limit = new AbortController();
    const closing = sessions.close(limit.signal);
    await setImmediate();
    limit.abort(new Error('out of time'));
    await closing;
    await setImmediate();
    expect(session.told).toEqual(['close', 'closed']);
  });

  it('comes back at once when there is no time at all', async () => {
    const { sessions, touch } = open({ holds: true });
    await touch('a');
    await sessions.close(AbortSignal.abort(new Error('out of time')));
  });

  it('may be repeated', async () => {
    const { sessions, touch } = open();
    const session = await touch('a');
    await Promise.all([sessions.close(never), sessions.close(never)]);
    expect(session.told).toEqual(['close', 'closed']);
  });

  it('a call that comes after it gets a session of its own, which ends with it', async () => {
    const { sessions, opened, touch } = open();
    await touch('a');
    await sessions.close(never);
    await touch('a');
    await setImmediate();
    expect(opened.get('a')?.map(({ told }) => told)).toEqual([
      ['close', 'closed'],
      ['close', 'closed'],
    ]);
  });
});
