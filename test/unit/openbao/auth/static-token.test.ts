import { createStaticToken } from '../../../../src/openbao/auth/static-token.ts';
import { askNothing, classOf, createFiles, file, NO_REFUSALS, refusal, success } from './auth-fixture.ts';

const PATH = '/run/token';
const NOW = 1000;

function open() {
  const files = createFiles({ [PATH]: 's.one' });
  return { files, method: createStaticToken({ token: file(PATH), read: files.read }) };
}

async function tokenOf(data: Readonly<Record<string, unknown>>) {
  const { method } = open();
  return method.readToken?.(success({ data }), await method.prepare(askNothing), NOW);
}

describe('a token that was made elsewhere', () => {
  it('R-AUTH-40 R-AUTH-28 is looked at with itself, and is not ours to revoke', async () => {
    const { files, method } = open();
    expect(await method.prepare(askNothing)).toMatchObject({
      verb: 'read',
      path: 'auth/token/lookup-self',
      token: 's.one',
    });
    expect(files.reads).toEqual([`secret ${PATH}`]);
    expect(method.borrowed).toBe(true);
  });

  it('R-AUTH-24 is read anew each time', async () => {
    const { files, method } = open();
    const first = await method.prepare(askNothing);
    files.write(PATH, 's.two');
    const second = await method.prepare(askNothing);
    expect(second.token).toBe('s.two');
    expect(second.fingerprint).not.toBe(first.fingerprint);
  });

  it('is used for as long as it says', async () => {
    const seen = await tokenOf({ ttl: 90, renewable: true });
    expect(seen).toEqual({ value: 's.one', renewable: true, leaseMs: 90_000, expiresAt: NOW + 90_000 });
  });

  it('may be one without an end', async () => {
    const seen = await tokenOf({ ttl: 0, expire_time: null, renewable: false });
    expect(seen).toEqual({ value: 's.one', renewable: false, leaseMs: Infinity, expiresAt: Infinity });
  });

  it('whose end is less than a second away is none without an end', async () => {
    const seen = await tokenOf({ ttl: 0, expire_time: '2026-06-01T10:00:00Z', renewable: false });
    expect(seen).toMatchObject({ leaseMs: 1000 });
  });

  it.each<[string, Record<string, unknown>]>([
    ['no time', { renewable: true }],
    ['a time that is a text', { ttl: '90' }],
  ])('R-AUTH-40 is none when the look at it tells %s', async (_name, data) => {
    expect(await tokenOf(data)).toBeUndefined();
  });

  it('R-AUTH-20 is refused by the bare denial', () => {
    expect(classOf(open().method, refusal(403, 'permission denied'))).toBe('login-refused');
  });

  it.each([
    ...NO_REFUSALS,
    ['a policy that denies the look', refusal(403, '1 error occurred:\n\t* permission denied\n\n')] as const,
  ])('R-AUTH-20 is not refused by %s', (_name, answer) => {
    expect(classOf(open().method, answer)).toBeUndefined();
  });
});
