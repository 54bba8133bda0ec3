import { createAppRole } from '../../../../src/openbao/auth/approle.ts';
import { askNothing, classOf, createFiles, file, NO_REFUSALS, refusal } from './auth-fixture.ts';

const MINUTE_MS = 60_000;

function open() {
  const files = createFiles({ '/role': 'role-1', '/secret': 'secret-1' });
  const method = createAppRole({
    mount: 'machines',
    roleId: file('/role'),
    secretId: { plain: file('/secret') },
    read: files.read,
  });
  return { files, method };
}

describe('a login by role id and secret id', () => {
  it('R-AUTH-21 R-AUTH-24 presents both as the files have them now; only one of them is a secret', async () => {
    const { files, method } = open();
    expect(await method.prepare(askNothing)).toMatchObject({
      verb: 'write',
      path: 'auth/machines/login',
      body: { role_id: 'role-1', secret_id: 'secret-1' },
    });
    expect(files.reads).toEqual(['public /role', 'secret /secret']);
    files.write('/role', 'role-2');
    files.write('/secret', 'secret-2');
    expect((await method.prepare(askNothing)).body).toEqual({ role_id: 'role-2', secret_id: 'secret-2' });
  });

  it('R-AUTH-18 has a fingerprint over both', async () => {
    const { files, method } = open();
    const fingerprints = new Set<string>();
    for (const [role, secret] of [
      ['a', 'bc'],
      ['ab', 'c'],
      ['a', 'b'],
      ['b', 'bc'],
    ]) {
      files.write('/role', role);
      files.write('/secret', secret);
      fingerprints.add((await method.prepare(askNothing)).fingerprint);
    }
    expect(fingerprints.size).toBe(4);
  });

  it('R-AUTH-20 without one of them is no refusal', async () => {
    for (const path of ['/role', '/secret']) {
      const { files, method } = open();
      files.write(path, undefined);
      await expect(method.prepare(askNothing)).rejects.toMatchObject({
        class: 'credential-unreadable',
        details: { source: `file ${path} cannot be read (ENOENT)` },
      });
    }
  });

  it.each<[number, string, string | undefined]>([
    [400, 'invalid role or secret ID', undefined],
    [400, 'invalid secret_id "secret-1"', undefined],
    [400, 'missing secret_id', undefined],
    [400, 'missing role_id', undefined],
    [500, 'missing role_id', undefined],
    [400, 'source address "10.0.0.1" unauthorized through CIDR restrictions on the secret ID', 'SOURCE_ADDRESS'],
    [400, 'source address "10.0.0.1" unauthorized by CIDR restrictions on the role: %!w(<nil>)', 'SOURCE_ADDRESS'],
  ])('R-AUTH-20 is refused by %i %s, and the answer does not travel', (status, text, cause) => {
    expect(open().method.judge(refusal(status, text))).toEqual({
      class: 'login-refused',
      message: 'OpenBao refused the login',
      ...(cause !== undefined && { cause }),
    });
  });

  it('R-AUTH-18 R-AUTH-20 is locked out by the bare denial, which is no refusal and rests 5 minutes', () => {
    const { method } = open();
    expect(method.judge(refusal(403, 'permission denied'))).toMatchObject({
      class: 'login-locked-out',
      restMs: 5 * MINUTE_MS,
    });
    expect(method.rest).toMatchObject({ firstMs: 16 * MINUTE_MS, untilChanged: true });
  });

  it.each([
    ...NO_REFUSALS,
    ['a policy', refusal(403, '1 error occurred:\n\t* permission denied\n\n')] as const,
    ['a lost race', refusal(500, 'transaction commit failed')] as const,
    ['CIDR rules that are broken', refusal(500, 'failed to verify subset relationship of CIDRs')] as const,
  ])('R-AUTH-20 is not refused by %s', (_name, answer) => {
    expect(classOf(open().method, answer)).toBeUndefined();
  });
});
