import { createKubernetes } from '../../../../src/openbao/auth/kubernetes.ts';
import { askNothing, classOf, createFiles, file, NO_REFUSALS, refusal } from './auth-fixture.ts';

const PATH = '/var/run/secrets/token';

function open() {
  const files = createFiles({ [PATH]: 'projected-1' });
  const { read } = files;
  return { files, method: createKubernetes({ mount: 'clusters/eu', role: 'cmk', token: file(PATH), read }) };
}

describe('a login by a service account', () => {
  it('R-AUTH-40 presents the role and the token of the file, which is a secret', async () => {
    const { files, method } = open();
    expect(await method.prepare(askNothing)).toEqual({
      verb: 'write',
      path: 'auth/clusters/eu/login',
      body: { role: 'cmk', jwt: 'projected-1' },
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    });
    expect(files.reads).toEqual([`secret ${PATH}`]);
  });

  it('R-AUTH-24 reads the token anew each time, and a replaced one has another fingerprint', async () => {
    const { files, method } = open();
    const [first, second] = [await method.prepare(askNothing), await method.prepare(askNothing)];
    expect(second.fingerprint).toBe(first.fingerprint);
    files.write(PATH, 'projected-2');
    const third = await method.prepare(askNothing);
    expect(third.body).toMatchObject({ jwt: 'projected-2' });
    expect(third.fingerprint).not.toBe(first.fingerprint);
    expect(files.reads).toHaveLength(3);
  });

  it('R-AUTH-20 without a readable token is no refusal, and tells where it was looked for', async () => {
    const { files, method } = open();
    files.write(PATH, undefined);
    await expect(method.prepare(askNothing)).rejects.toMatchObject({
      class: 'credential-unreadable',
      details: { cause: 'unreadable', source: `file ${PATH} cannot be read (ENOENT)` },
    });
  });

  it.each<[number, string]>([
    [400, 'missing role'],
    [400, 'missing jwt'],
    [400, 'invalid role name "cmk"'],
    [403, 'service account name not authorized'],
    [403, 'namespace not authorized'],
    [403, 'invalid expiration time (exp) claim: token is expired'],
    [403, 'invalid not before (nbf) claim: token not yet valid'],
    [403, 'invalid audience (aud) claim: audience claim does not match any expected audience'],
    [403, 'invalid issuer (iss) claim'],
    [403, 'invalid subject (sub) claim'],
  ])('R-AUTH-20 is refused by %i %s', (status, text) => {
    const { method } = open();
    expect(method.judge(refusal(status, text))).toEqual({
      class: 'login-refused',
      message: 'OpenBao refused the login',
    });
  });

  it.each([
    ...NO_REFUSALS,
    // What OpenBao answers when the Kubernetes API is down, too.
    ['the bare denial', refusal(403, 'permission denied')] as const,
    ['a denial of policy', refusal(403, '1 error occurred:\n\t* permission denied\n\n')] as const,
    ['a method that is not set up', refusal(500, 'could not load backend configuration')] as const,
    ['a known text under another status', refusal(500, 'namespace not authorized')] as const,
  ])('R-AUTH-20 R-AUTH-34 is not refused by %s', (_name, answer) => {
    expect(classOf(open().method, answer)).toBeUndefined();
  });
});
