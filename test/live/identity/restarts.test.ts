import { setTimeout } from 'node:timers/promises';

import { ManualClock } from '../../support/manual-clock.ts';
import { until } from '../../support/until.ts';
import { KEY, LOGIN_FAILED, NOT_RENEWED, TOKEN_UNKNOWN } from './process-identity.ts';
import { type SingleNode, startSingleNode } from './single-node.ts';

let bao: SingleNode;
beforeAll(async () => {
  bao = await startSingleNode();
});
afterAll(() => bao[Symbol.asyncDispose]());

const many = (count: number, call: () => Promise<string>) => Promise.all(Array.from({ length: count }, call));

describe('an OpenBao that is restarted', () => {
  it('R-AUTH-30 R-ERR-04 during a login: UNAVAILABLE while it is away, and one login when it is back', async () => {
    await using live = bao.open();
    bao.node.pause();
    const waiting = many(20, () => live.roundTrip(KEY, { timeMs: 20_000 }));
    await setTimeout(300);
    await bao.node.kill();
    expect(new Set(await waiting)).toEqual(new Set(['unreachable']));
    await bao.restart();
    expect(new Set(await many(20, () => live.roundTrip(KEY, { timeMs: 20_000 })))).toEqual(new Set(['ok']));
    expect(live.logins()).toBe(1);
    // What could not be asked is no refusal, and nothing rests because of it.
    expect(live.log.entries(LOGIN_FAILED).map((entry) => entry.class)).toEqual(['unreachable']);
  });

  it('R-AUTH-30 R-AUTH-13 during a renewal: the token outlives it, and the renewal is made up for', async () => {
    const clock = new ManualClock();
    await using live = bao.open(clock);
    expect(await live.roundTrip(KEY)).toBe('ok');
    bao.node.pause();
    clock.advance(clock.pending[0]!);
    await setTimeout(300);
    await bao.restart();
    await until('the renewal that fails', () => live.log.entries(NOT_RENEWED).length === 1);
    expect(await live.roundTrip(KEY)).toBe('ok');
    clock.advance(clock.pending[0]!);
    await until('the renewal', () => clock.pending.some((ms) => ms > 300_000));
    clock.advance(240_000); // beyond the end that the token had at first
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(1);
    expect(live.log.entries(TOKEN_UNKNOWN)).toEqual([]);
  });

  it('R-AUTH-30 between two calls: the token at hand serves, without a login', async () => {
    await using live = bao.open();
    expect(await live.roundTrip(KEY)).toBe('ok');
    await bao.restart();
    expect(new Set(await many(50, () => live.roundTrip(KEY, { timeMs: 20_000 })))).toEqual(new Set(['ok']));
    expect(live.logins()).toBe(1);
  });
});

describe('an OpenBao whose snapshot is restored', () => {
  it('R-AUTH-15 all tokens that are younger are gone: one login, and no call fails', async () => {
    const snapshot = await bao.takeSnapshot();
    await using live = bao.open();
    expect(await live.roundTrip(KEY)).toBe('ok');
    await bao.restore(snapshot);
    expect(new Set(await many(50, () => live.roundTrip(KEY, { timeMs: 20_000 })))).toEqual(new Set(['ok']));
    expect(live.logins()).toBe(2);
    expect(live.log.entries(TOKEN_UNKNOWN)).toHaveLength(1);
  });
});
