import { failed, ok, skipped, warning } from '../../../src/doctor/check.ts';
import { readTokenTimes } from '../../../src/doctor/token-times.ts';
import { judgeValidity } from '../../../src/doctor/validity.ts';
import { agoOrAhead, lengthOfTime, worst } from '../../../src/doctor/wording.ts';

const DAY_MS = 86_400_000;
const POLICY = [{ path: 'p', capabilities: ['read'] }] as const;

describe('the words of the doctor', () => {
  it.each([
    [0, '0 seconds'],
    [1000, '1 second'],
    [-1000, '1 second'],
    [119_000, '119 seconds'],
    [120_000, '2 minutes'],
    [47 * 3_600_000, '47 hours'],
    [48 * 3_600_000, '2 days'],
  ])('%i ms', (ms, text) => {
    expect(lengthOfTime(ms)).toBe(text);
  });

  it('tell past from future', () => {
    expect([agoOrAhead(0, 5000), agoOrAhead(5000, 0)]).toEqual(['5 seconds ago', 'in 5 seconds']);
  });

  it('several findings are as grave as the gravest, and say what is so grave, once each', () => {
    expect(worst([ok('a'), skipped('b')])).toEqual(ok('a'));
    expect(worst([ok('a'), warning('b', POLICY), warning('b'), warning('c')])).toEqual(warning('b; c', POLICY));
    expect(worst([warning('b'), failed('c')])).toEqual(failed('c'));
    expect(worst([])).toEqual(skipped('there is nothing to look at'));
  });

  it.each([
    [-10, 90, 'ok', 'valid for 90 days'],
    [-100, 13, 'ok', 'valid for 13 days'],
    [-100, 11, 'warning', 'expires in 11 days'],
    [-400, 13, 'warning', 'expires in 13 days'],
    [-10, -3, 'failed', 'expired 3 days ago'],
    [3, 90, 'failed', 'not valid before in 3 days'],
  ])('a certificate from day %i to day %i: %s', (from, to, status, text) => {
    const now = Date.parse('2026-11-24T12:00:00Z');
    const dates = { notBefore: new Date(now + from * DAY_MS), notAfter: new Date(now + to * DAY_MS) };
    const finding = judgeValidity({ subject: 'cn', ...dates }, now);
    expect(finding.status).toBe(status);
    expect(finding.text).toContain(text);
  });

  it.each([
    ['{"iat":1,"exp":2}', { issuedAt: 1000, expiresAt: 2000 }],
    ['{"exp":"2"}', { issuedAt: undefined, expiresAt: undefined }],
    ['null', undefined],
    ['no json', undefined],
  ])('the times of a token with the claims %s', (claims, times) => {
    expect(readTokenTimes(`e30.${Buffer.from(claims).toString('base64url')}.sig`)).toEqual(times);
  });

  it.each(['', 'a', 'a.b', 's.vault-token'])('%j is no signed token', (text) => {
    expect(readTokenTimes(text)).toBeUndefined();
  });
});
