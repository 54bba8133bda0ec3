import { createHash, X509Certificate } from 'node:crypto';

import { KeystoreError } from '../../../../src/keystore/errors.ts';
import { grantedRole } from '../../../../src/openbao/provider/names.ts';
import { DENIED_BY_POLICY, errors, hold, json, noContent, type Reply } from '../../../support/fake-openbao.ts';
import { createAuthority } from '../../../support/pki.ts';
import {
  ACCESSORS,
  failure,
  LOOKUP_ACCESSOR,
  NAME,
  names,
  OPERATOR_TOKEN,
  openStage,
  POLICIES,
  PROOF_TOKEN,
  REVOKE_ACCESSOR,
  ROLES,
  type Stage,
  SUBJECT,
} from './provider-fixture.ts';

const GRANT = { type: 'CRYPTO', subject: SUBJECT, region: 'eu10' } as const;
const ROLE = grantedRole(NAME, GRANT);

/** Lets the requests of a grant or a removal through. */
function serveTrust({ fake }: Stage): void {
  for (const method of ['POST', 'DELETE']) {
    fake.on(method, `${POLICIES}/${ROLE}`, noContent);
    fake.on(method, `${ROLES}/${ROLE}`, noContent);
  }
  fake.on('GET', `${ROLES}?list=true`, names(ROLE));
  fake.on('GET', `${POLICIES}?list=true`, names('default'));
}

const order = ({ fake }: Stage): string[] =>
  fake.requests.map(({ method, path, token = '-' }) => `${token} ${method} ${path}`);

const acts = (stage: Stage): string[] => order(stage).filter((request) => request.startsWith(OPERATOR_TOKEN));

describe('R-PROVIDER-06 GrantTrust', () => {
  test('shows the certificate in one login, ends its token, and only then acts, on connections of the operator', async () => {
    await using stage = await openStage();
    serveTrust(stage);
    await stage.provider.grantTrust(stage.call(), GRANT);
    expect(order(stage)).toEqual([
      '- POST auth/cert/login',
      `${PROOF_TOKEN} POST auth/token/revoke-self`,
      '- POST auth/approle/login',
      `${OPERATOR_TOKEN} POST ${ROLES}/${ROLE}`,
      `${OPERATOR_TOKEN} POST ${POLICIES}/${ROLE}`,
      '- GET sys/health',
      `${OPERATOR_TOKEN} GET ${ROLES}?list=true`,
    ]);
    const { raw } = new X509Certificate(stage.roleManager.certificatePem);
    const shown = createHash('sha256').update(raw).digest('hex');
    const certificates = stage.fake.requests.map(({ clientCertificate }) =>
      clientCertificate.replaceAll(':', '').toLowerCase(),
    );
    expect(certificates).toEqual([shown, shown, '', '', '', '', '']);
    expect(stage.fake.seen('POST', 'auth/cert/login')[0]?.body).toEqual({ name: `${NAME}-roles` });
  });

  test('does nothing after a refused login but to look whether the keystore is there', async () => {
    await using stage = await openStage();
    stage.fake.on('POST', 'auth/cert/login', errors(400, 'invalid certificate or no client certificate supplied'));
    stage.fake.on('GET', `sys/mounts/${NAME}`, json(200, { data: { type: 'transit' } }));
    expect(await failure(stage.provider.grantTrust(stage.call(), GRANT))).toMatchObject({ class: 'login-refused' });
    expect(order(stage)).toEqual([
      '- POST auth/cert/login',
      '- POST auth/approle/login',
      `${OPERATOR_TOKEN} GET sys/mounts/${NAME}`,
    ]);
  });

  test('sends nothing for access data that were not given out', async () => {
    await using stage = await openStage();
    const access = { ...stage.call().access, mountPath: 'transit' };
    expect(await failure(stage.provider.grantTrust(stage.call({ access }), GRANT))).toMatchObject({
      class: 'invalid-access-data',
    });
    expect(stage.fake.attempts).toBe(0);
  });

  test('a certificate and a key that do not belong together are refused before anything is sent', async () => {
    await using stage = await openStage();
    const { access } = stage.call();
    const { privateKeyPem } = (await stage.authority.issue({ commonName: 'x' })) as { privateKeyPem: string };
    const certificate = { ...access.certificate!, privateKeyPem: { reveal: () => privateKeyPem } };
    const call = stage.call({ access: { ...access, certificate } });
    expect(await failure(stage.provider.grantTrust(call, GRANT))).toMatchObject({ class: 'invalid-access-data' });
    expect(stage.fake.attempts).toBe(0);
  });

  test('is carried through when its caller goes away, and repeats what lost a race', async () => {
    await using stage = await openStage();
    serveTrust(stage);
    const held = hold(noContent);
    stage.fake.on('POST', `${ROLES}/${ROLE}`, held.reply);
    stage.fake.on(
      'POST',
      `${POLICIES}/${ROLE}`,
      errors(500, '1 error occurred:\n\t* transaction commit failed\n\n'),
      noContent,
    );
    const caller = new AbortController();
    const granting = failure(stage.provider.grantTrust(stage.call({ signal: caller.signal }), GRANT));
    await stage.fake.requested('POST', `${ROLES}/${ROLE}`);
    caller.abort(new KeystoreError('cancelled', 'gone'));
    expect(await granting).toMatchObject({ class: 'cancelled' });
    expect(stage.log.entries('trust granted')).toEqual([]);
    held.release();
    await stage.fake.requested('POST', `${POLICIES}/${ROLE}`, 2);
    await stage.provider.close();
    expect(stage.log.entries('trust granted')).toMatchObject([{ keystore: NAME, role: ROLE, common_name: 'crypto' }]);
  });

  test('is made anew when another process has removed the role meanwhile, so that no policy is left alone', async () => {
    await using stage = await openStage();
    serveTrust(stage);
    stage.fake.on('GET', `${ROLES}?list=true`, names(`${ROLE}0`), names(ROLE));
    await stage.provider.grantTrust(stage.call(), GRANT);
    const round = [`POST ${ROLES}/${ROLE}`, `POST ${POLICIES}/${ROLE}`, `GET ${ROLES}?list=true`];
    expect(acts(stage)).toEqual([...round, ...round].map((request) => `${OPERATOR_TOKEN} ${request}`));
  });

  test.each([
    ['no certificate', 'nothing', 'CA_WITHOUT_CERTIFICATE'],
    ['broken PEM', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----', 'CA_NOT_AN_AUTHORITY'],
  ])('trusts authorities and nothing else: %s', async (_, ca, cause) => {
    await using stage = await openStage({ ca });
    const outcome = await failure(stage.provider.grantTrust(stage.call(), GRANT));
    expect(outcome).toMatchObject({ class: 'credential-unreadable', details: { cause } });
    expect(acts(stage)).toEqual([]);
  });

  test('trusts authorities and nothing else: a client among them is refused, since it would be let in as itself', async () => {
    const authorities = [await createAuthority({ commonName: 'one' }), await createAuthority({ commonName: 'two' })];
    const pems = authorities.map(({ certificatePem }) => certificatePem);
    const { certificatePem: client } = await authorities[0]!.issue({ commonName: 'client' });
    await using bad = await openStage({ ca: [...pems, client].join('') });
    expect(await failure(bad.provider.grantTrust(bad.call(), GRANT))).toMatchObject({
      details: { cause: 'CA_NOT_AN_AUTHORITY' },
    });
    await using good = await openStage({ ca: `About these:\n${pems.join('\n')}` });
    serveTrust(good);
    await good.provider.grantTrust(good.call(), GRANT);
    expect(good.fake.seen('POST', `${ROLES}/${ROLE}`)[0]?.body.certificate).toBe(pems.join(''));
  });
});

describe('R-PROVIDER-09 RemoveTrust', () => {
  const token = (role: string, path = 'auth/cert/login'): Reply =>
    json(200, { data: { path, meta: { cert_name: role } } });
  const ENDED = errors(400, '1 error occurred:\n\t* invalid accessor\n\n');
  const DENIED = errors(403, DENIED_BY_POLICY);

  async function remove(accessors: readonly string[], lookups: readonly Reply[]) {
    const stage = await openStage();
    serveTrust(stage);
    stage.fake.on('GET', `${ACCESSORS}?list=true`, names(...accessors));
    const byAccessor = new Map(accessors.map((accessor, index) => [accessor, lookups[index]]));
    stage.fake.on('POST', LOOKUP_ACCESSOR, (response, request) => {
      byAccessor.get(String(request.body.accessor))?.(response, request);
    });
    stage.fake.on('POST', REVOKE_ACCESSOR, noContent);
    const outcome = await failure(stage.provider.removeTrust(stage.call(), stage.accessData(ROLE)));
    const revoked = stage.fake.seen('POST', REVOKE_ACCESSOR).map(({ body }) => body.accessor);
    return { stage, outcome, revoked };
  }

  test('takes the rights, then the role, then its tokens', async () => {
    const { stage, outcome } = await remove(['a'], [token(ROLE)]);
    await using _ = stage;
    expect(outcome).toBeUndefined();
    expect(acts(stage)).toEqual(
      [
        `DELETE ${POLICIES}/${ROLE}`,
        `DELETE ${ROLES}/${ROLE}`,
        `GET ${POLICIES}?list=true`,
        `GET ${ACCESSORS}?list=true`,
        `POST ${LOOKUP_ACCESSOR}`,
        `POST ${REVOKE_ACCESSOR}`,
      ].map((request) => `${OPERATOR_TOKEN} ${request}`),
    );
  });

  test('takes it all again when another process has written the policy meanwhile, so that none is left alone', async () => {
    await using stage = await openStage();
    serveTrust(stage);
    stage.fake.on('GET', `${POLICIES}?list=true`, names('default', ROLE), names('default', `${ROLE}0`));
    stage.fake.on('GET', `${ACCESSORS}?list=true`, errors(404));
    await stage.provider.removeTrust(stage.call(), stage.accessData(ROLE));
    const round = [`DELETE ${POLICIES}/${ROLE}`, `DELETE ${ROLES}/${ROLE}`, `GET ${POLICIES}?list=true`];
    const all = [...round, ...round, `GET ${ACCESSORS}?list=true`];
    expect(acts(stage)).toEqual(all.map((request) => `${OPERATOR_TOKEN} ${request}`));
  });

  test('revokes the tokens of the role and no other, whatever else has ended or is denied meanwhile', async () => {
    const { stage, outcome, revoked } = await remove(
      ['ours-1', 'ended', 'of-another-role', 'of-another-mount', 'of-approle', 'denied', 'ours-2'],
      [
        token(ROLE),
        ENDED,
        token(`${ROLE}0`),
        token(ROLE, 'auth/cert2/login'),
        json(200, { data: { path: 'auth/approle/login', meta: { role_name: ROLE } } }),
        DENIED,
        token(ROLE),
      ],
    );
    await using _ = stage;
    expect(outcome).toBeUndefined();
    expect(revoked.sort()).toEqual(['ours-1', 'ours-2']);
  });

  test('is done when there are no tokens at all', async () => {
    await using stage = await openStage();
    serveTrust(stage);
    stage.fake.on('GET', `${ACCESSORS}?list=true`, errors(404));
    await stage.provider.removeTrust(stage.call(), stage.accessData(ROLE));
    expect(stage.fake.seen('POST', LOOKUP_ACCESSOR)).toEqual([]);
  });

  test('waits before it asks a standby for policies or tokens, which may not know the newest yet', async () => {
    await using stage = await openStage();
    serveTrust(stage);
    const at: number[] = [];
    const note =
      (reply: Reply): Reply =>
      (response, request) => {
        at.push(performance.now());
        reply(response, request);
      };
    stage.fake.on('GET', 'sys/health', note(json(429, { standby: true })));
    stage.fake.on('GET', `${POLICIES}?list=true`, note(names('default')));
    stage.fake.on('GET', `${ACCESSORS}?list=true`, note(errors(404)));
    await stage.provider.removeTrust(stage.call(), stage.accessData(ROLE));
    expect(at).toHaveLength(4);
    expect(at[1]! - at[0]!).toBeGreaterThan(400);
    expect(at[3]! - at[2]!).toBeGreaterThan(400);
  });

  test('fails when the operator may look at none of them', async () => {
    const { stage, outcome } = await remove(['a', 'b'], [DENIED, DENIED]);
    await using _ = stage;
    expect(outcome).toMatchObject({ class: 'permission-denied', details: { policyPath: LOOKUP_ACCESSOR } });
  });

  test('fails when the operator may revoke none of them', async () => {
    await using stage = await openStage();
    serveTrust(stage);
    stage.fake.on('GET', `${ACCESSORS}?list=true`, names('a', 'b'));
    stage.fake.on('POST', LOOKUP_ACCESSOR, token(ROLE));
    stage.fake.on('POST', REVOKE_ACCESSOR, DENIED);
    const outcome = await failure(stage.provider.removeTrust(stage.call(), stage.accessData(ROLE)));
    expect(outcome).toMatchObject({ class: 'permission-denied', details: { policyPath: REVOKE_ACCESSOR } });
  });

  test('looks at ten thousand tokens, and says when there are more', async () => {
    const accessors = Array.from({ length: 10_001 }, (_, index) => `a${index}`);
    const { stage, outcome } = await remove(
      accessors,
      accessors.map(() => token('of-others')),
    );
    await using _ = stage;
    expect(outcome).toBeUndefined();
    expect(stage.fake.seen('POST', LOOKUP_ACCESSOR)).toHaveLength(10_000);
    const [line] = stage.log.entries('too many tokens to find all those of a role that was removed');
    expect(line).toMatchObject({ '@level': 'warn', keystore: NAME, tokens: 10_001, looked_at: 10_000 });
  });
});
