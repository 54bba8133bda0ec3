import { createJwt } from '../../../../src/openbao/auth/jwt.ts';
import { askNothing, classOf, createFiles, file, NO_REFUSALS, refusal } from './auth-fixture.ts';

const PATH = '/run/spiffe/token';

function open(role: string | undefined = 'cmk') {
  const files = createFiles({ [PATH]: 'signed-1' });
  const { read } = files;
  return { files, method: createJwt({ mount: 'spiffe', role, token: file(PATH), read }) };
}

describe('a login by a signed token', () => {
  it('R-AUTH-40 presents the role and the token of the file, which is a secret', async () => {
    const { files, method } = open();
    expect(await method.prepare(askNothing)).toMatchObject({
      verb: 'write',
      path: 'auth/spiffe/login',
      body: { role: 'cmk', jwt: 'signed-1' },
    });
    expect(files.reads).toEqual([`secret ${PATH}`]);
  });

  it('R-AUTH-40 without a role leaves it to the mount', async () => {
    const { read } = createFiles({ [PATH]: 'signed-1' });
    const method = createJwt({ mount: 'jwt', role: undefined, token: file(PATH), read });
    expect((await method.prepare(askNothing)).body).toEqual({ jwt: 'signed-1' });
  });

  it('R-AUTH-24 reads the token anew each time, and a replaced one has another fingerprint', async () => {
    const { files, method } = open();
    const first = await method.prepare(askNothing);
    expect(await method.prepare(askNothing)).toEqual(first);
    files.write(PATH, 'signed-2');
    const second = await method.prepare(askNothing);
    expect(second.body).toMatchObject({ jwt: 'signed-2' });
    expect(second.fingerprint).not.toBe(first.fingerprint);
  });

  it('R-AUTH-20 without a readable token is no refusal', async () => {
    const { files, method } = open();
    files.write(PATH, undefined);
    await expect(method.prepare(askNothing)).rejects.toMatchObject({ class: 'credential-unreadable' });
  });

  it.each<[number, string]>([
    [400, 'missing role'],
    [400, 'missing token'],
    [400, 'role "cmk" could not be found'],
    [400, 'role with oidc role_type is not allowed'],
    [400, 'error validating token: invalid audience (aud) claim: audience claim does not match any expected audience'],
    [400, 'error validating token: invalid issuer (iss) claim'],
    [400, 'error validating token: invalid subject (sub) claim'],
    [400, 'error validating token: invalid expiration time (exp) claim: token is expired'],
    [400, 'error validating token: invalid not before (nbf) claim: token not yet valid'],
    [
      400,
      'error validating token: error verifying token signature: no known key successfully validated the token signature',
    ],
    [400, 'error validating claims: claim "team" is missing'],
    [400, 'error validating claims: claim "team" does not match any associated bound claim values'],
    [400, 'claim "mail" not found in token'],
    [400, 'audience claim found in JWT but no audiences bound to the role'],
  ])('R-AUTH-20 is refused by %i %s', (status, text) => {
    expect(open().method.judge(refusal(status, text))).toEqual({
      class: 'login-refused',
      message: 'OpenBao refused the login',
    });
  });

  it.each([
    ...NO_REFUSALS,
    ['the bare denial', refusal(403, 'permission denied')] as const,
    [
      'keys that OpenBao cannot fetch',
      refusal(
        400,
        'error validating token: error verifying token signature: fetching keys oidc: get keys failed Get "https://issuer/keys": dial tcp: connect: connection refused',
      ),
    ] as const,
  ])('R-AUTH-20 R-AUTH-34 is not refused by %s', (_name, answer) => {
    expect(classOf(open().method, answer)).toBeUndefined();
  });
});
