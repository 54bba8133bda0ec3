import { createCertificate } from '../../../../src/openbao/auth/certificate.ts';
import { askNothing, classOf, NO_REFUSALS, refusal } from './auth-fixture.ts';

function open(options: { role?: string; fingerprints?: string[] } = {}) {
  const { role, fingerprints = ['f1'] } = options;
  const fingerprint = () => Promise.resolve(fingerprints.length > 1 ? fingerprints.shift()! : fingerprints[0]!);
  return createCertificate({ name: 'cert', mount: 'tls/tenants', role, fingerprint });
}

describe('a login by a client certificate', () => {
  it('R-AUTH-40 names the role, and none where every role is to be tried', async () => {
    expect(await open({ role: 'cmk' }).prepare(askNothing)).toEqual({
      verb: 'write',
      path: 'auth/tls/tenants/login',
      body: { name: 'cmk' },
      fingerprint: 'f1',
    });
    expect((await open().prepare(askNothing)).body).toEqual({});
  });

  it('R-AUTH-24 asks anew each time which certificate the connections show', async () => {
    const method = open({ fingerprints: ['f1', 'f2'] });
    const seen = [await method.prepare(askNothing), await method.prepare(askNothing)];
    expect(seen.map(({ fingerprint }) => fingerprint)).toEqual(['f1', 'f2']);
  });

  it.each<[number, string]>([
    [400, 'no client certificate found'],
    [400, 'invalid certificate or no client certificate supplied'],
    [400, 'no chain matching all constraints could be found for this login certificate'],
    [500, "failed to verify client's certificate: x509: certificate has expired or is not yet valid: …"],
    [500, "failed to verify client's certificate: x509: certificate specifies an incompatible key usage"],
    [403, 'permission denied'],
  ])('R-AUTH-20 is refused by %i %s', (status, text) => {
    expect(classOf(open(), refusal(status, text))).toBe('login-refused');
  });

  it.each(NO_REFUSALS)('R-AUTH-20 is not refused by %s', (_name, answer) => {
    expect(classOf(open(), answer)).toBeUndefined();
  });
});
