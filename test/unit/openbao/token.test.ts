import fc from 'fast-check';

import { type Answer, toAnswer } from '../../../src/openbao/answer.ts';
import {
  careBackoffMs,
  careDelayMs,
  endsRenewal,
  isShrinking,
  needsLogin,
  readToken,
  renewedToken,
  saysTokenIsDead,
  type Token,
} from '../../../src/openbao/token.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const NOW = 5000;
const answer = (status: number, body: unknown): Answer =>
  toAnswer(status, body === undefined ? '' : JSON.stringify(body), undefined);
const auth = (fields: Record<string, unknown>): unknown => ({
  auth: { client_token: 't', lease_duration: 60, renewable: true, ...fields },
});
const token: Token = { value: 't', renewable: true, leaseMs: 60_000, expiresAt: NOW + 20_000 };

describe('the token of a login', () => {
  it('lives as long as its lease', () => {
    expect(readToken(answer(200, auth({})), NOW)).toEqual({
      value: 't',
      renewable: true,
      leaseMs: 60_000,
      expiresAt: NOW + 60_000,
    });
  });

  it('without a lease never ends', () => {
    expect(readToken(answer(200, auth({ lease_duration: 0 })), NOW)?.expiresAt).toBe(Infinity);
  });

  it('is renewable only when that is said', () => {
    expect(readToken(answer(200, auth({ renewable: 'true' })), NOW)?.renewable).toBe(false);
    expect(readToken(answer(200, auth({ renewable: undefined })), NOW)?.renewable).toBe(false);
  });

  it.each([
    ['no success', 201, auth({})],
    ['no auth', 200, { data: {} }],
    ['auth that is a list', 200, { auth: [] }],
    ['an empty token', 200, auth({ client_token: '' })],
    ['a token that is no text', 200, auth({ client_token: 7 })],
    ['a lease that is a text', 200, auth({ lease_duration: '60' })],
    ['a negative lease', 200, auth({ lease_duration: -1 })],
    ['a part of a second', 200, auth({ lease_duration: 0.001 })],
    ['no lease', 200, auth({ lease_duration: undefined })],
  ])('is not there with %s', (_name, status, body) => {
    expect(readToken(answer(status, body), NOW)).toBeUndefined();
  });
});

describe('R-AUTH-13 a renewal', () => {
  it('counts when it made the life longer', () => {
    expect(renewedToken(token, answer(200, auth({ lease_duration: 21 })), NOW)).toEqual({
      ...token,
      expiresAt: NOW + 21_000,
    });
  });

  it.each([
    ['an equal life', 200, auth({ lease_duration: 20 })],
    ['a shorter life', 200, auth({ lease_duration: 5 })],
    ['no time at all, as just before the maximum', 200, auth({ lease_duration: 0 })],
    ['success without a body', 204, undefined],
    ['success without auth', 200, { data: {} }],
    ['another status', 201, auth({})],
  ])('does not count with %s', (_name, status, body) => {
    expect(renewedToken(token, answer(status, body), NOW)).toBeUndefined();
  });

  it.each([
    [200, true],
    [204, true],
    [400, true],
    [403, true],
    [307, false],
    [404, false],
    [429, false],
    [472, false],
    [500, false],
    [503, false],
  ])('that did not help with status %i is the last one: %p', (status, last) => {
    expect(endsRenewal(answer(status, {}))).toBe(last);
  });

  it.each([
    ['past the max TTL, cannot renew', true],
    ['failed to renew entry: role r does not exist during renewal', true],
    ['policies have changed, not renewing', true],
    ['client identity during renewal not matching client identity used during login: 01 02', true],
    ['internal error', false],
  ])('that was answered 500 %s is the last one: %p', (text, last) => {
    expect(endsRenewal(answer(500, { errors: [`1 error occurred:\n\t* ${text}\n\n`] }))).toBe(last);
  });
});

describe('what is due', () => {
  it('a login for what cannot be renewed, and in the last fifth of the lease', () => {
    expect(needsLogin({ ...token, renewable: false, expiresAt: Infinity }, NOW)).toBe(true);
    expect(needsLogin({ ...token, expiresAt: NOW + 11_999 }, NOW)).toBe(true);
    expect(needsLogin({ ...token, expiresAt: NOW + 12_000 }, NOW)).toBe(false);
  });

  it('R-AUTH-14 a login when a renewal gave less than nine tenths', () => {
    expect(isShrinking({ ...token, expiresAt: NOW + 53_999 }, NOW)).toBe(true);
    expect(isShrinking({ ...token, expiresAt: NOW + 54_000 }, NOW)).toBe(false);
  });

  it('R-AUTH-13 care at two thirds of the lease, ±10 %', () => {
    const clock = new ManualClock();
    const fresh = { ...token, expiresAt: clock.now() + 60_000 };
    const delay = (chance: number): number => {
      clock.chance = chance;
      return careDelayMs(fresh, clock);
    };
    expect(delay(0)).toBeCloseTo(36_000);
    expect(delay(0.5)).toBeCloseTo(40_000);
    expect(delay(0.999999)).toBeCloseTo(44_000, 0);
    expect(careDelayMs({ ...token, expiresAt: Infinity }, clock)).toBe(Infinity);
    expect(careDelayMs({ ...token, expiresAt: clock.now() - 1 }, clock)).toBe(0);
  });

  it('a pause after failures of 1 s doubling to 30 s, never below 1 s', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (failures, chance) => {
          const clock = new ManualClock();
          clock.chance = chance;
          const pause = careBackoffMs(failures, clock);
          expect(pause).toBeGreaterThanOrEqual(1000);
          expect(pause).toBeLessThanOrEqual(Math.min(30_000, 1000 * 2 ** failures));
        },
      ),
    );
  });
});

describe('a token is dead', () => {
  it.each([
    ['a bare denial', 403, ['permission denied'], true],
    ['the two texts of Vault', 403, ['permission denied', 'invalid token'], true],
    ['a denial by policy', 403, ['1 error occurred:\n\t* permission denied\n\n'], false],
    ['another status', 400, ['permission denied'], false],
    ['no text', 403, [], false],
  ])('by %s: %#', (_name, status, errors, dead) => {
    expect(saysTokenIsDead(answer(status, { errors }))).toBe(dead);
  });

  it('not because of what is no answer of OpenBao', () => {
    expect(saysTokenIsDead(toAnswer(403, '<html>permission denied</html>', undefined))).toBe(false);
    expect(saysTokenIsDead(toAnswer(403, '', undefined))).toBe(false);
  });
});
