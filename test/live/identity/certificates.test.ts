import { setTimeout } from 'node:timers/promises';

import { administer, enableCertAuth } from '../../../scripts/openbao/setup.ts';
import { Secret } from '../../../src/config/secret.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';
import { CUSTOMER_ROLE } from '../../support/customer.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import type { Identity } from '../../support/pki.ts';
import { until } from '../../support/until.ts';
import { openLiveKeystore } from '../live-keystore.ts';
import { file, KEY, LOGIN_FAILED, NOT_RENEWED, type Place, startPlace } from './process-identity.ts';

const LEASE_S = 600;
const VOLUME = 'tls';

let place: Place;
beforeAll(async () => {
  place = await startPlace();
  const { authority, bao } = place.customer;
  await enableCertAuth(bao, {
    role: 'plugin',
    policies: [CUSTOMER_ROLE],
    certificatePem: authority.certificatePem,
    allowedCommonNames: ['plugin'],
    tokenTtl: `${LEASE_S}s`,
  });
});
afterAll(() => place[Symbol.asyncDispose]());

const issue = (changes: { notBefore?: Date; notAfter?: Date; commonName?: string } = {}): Promise<Identity> =>
  place.customer.authority.issue({ commonName: 'plugin', ...changes });

/** Puts a certificate and its key where the process looks for them, both at once. */
const install = ({ certificatePem, privateKeyPem }: Identity): Promise<void> =>
  place.project(VOLUME, { 'tls.crt': certificatePem, 'tls.key': privateKeyPem });

const auth = (): object => ({
  method: 'cert',
  role: 'plugin',
  certificate: file(place.path(`${VOLUME}/tls.crt`)),
  key: file(place.path(`${VOLUME}/tls.key`)),
});

/** The serial numbers with which the plugin has logged in and which still have a token. */
async function serialsInUse(): Promise<string[]> {
  const { bao } = place.customer;
  const { keys } = await administer(bao, 'LIST', 'auth/token/accessors');
  const serials: string[] = [];
  for (const accessor of keys as string[]) {
    const { meta } = await administer(bao, 'POST', 'auth/token/lookup-accessor', { accessor });
    const { cert_name: role, serial_number: serial } = (meta ?? {}) as Record<string, string>;
    if (role === 'plugin' && serial !== undefined) serials.push(serial);
  }
  return serials;
}

describe('a certificate of the process', () => {
  it('R-AUTH-24 R-AUTH-29 that is rotated on disk: the old one serves and is renewed, the next login takes the new one, and no call notices', async () => {
    const clock = new ManualClock();
    await install(await issue());
    await using live = place.open(auth(), { clock });
    expect(await live.roundTrip(KEY)).toBe('ok');
    const [first] = await serialsInUse();

    await install(await issue());
    clock.advance(clock.pending[0]!);
    await until('the renewal', () => clock.pending.some((ms) => ms > 300_000));
    clock.advance(LEASE_S * 400); // beyond the end that the token had at first
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(1);
    expect(await serialsInUse()).toEqual([first]);

    await place.revokeTokensOf('plugin');
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => live.roundTrip(KEY)));
    expect(new Set(outcomes)).toEqual(new Set(['ok']));
    expect(live.logins()).toBe(2);
    const [second, ...others] = await serialsInUse();
    expect(others).toEqual([]);
    expect(second).not.toBe(first);
    expect([...live.log.entries(LOGIN_FAILED), ...live.log.entries(NOT_RENEWED)]).toEqual([]);
  });

  it('R-AUTH-20 R-AUTH-29 whose key is not there yet: UNAVAILABLE until both belong together', async () => {
    const [old, next] = [await issue(), await issue()];
    await place.project('torn', { 'tls.crt': next.certificatePem, 'tls.key': old.privateKeyPem });
    const at = { certificate: file(place.path('torn/tls.crt')), key: file(place.path('torn/tls.key')) };
    await using live = place.open({ ...auth(), ...at });
    expect(await live.roundTrip(KEY)).toBe('credential-unreadable');
    await place.project('torn', { 'tls.crt': next.certificatePem, 'tls.key': next.privateKeyPem });
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(1);
  });

  it.each(['tls.crt', 'tls.key'])(
    'R-AUTH-20 whose %s is a directory, or no PEM: UNAVAILABLE, and nothing is sent',
    async (name) => {
      const { certificatePem, privateKeyPem } = await issue();
      const texts = { 'tls.crt': certificatePem, 'tls.key': privateKeyPem };
      const at = (volume: string) => ({
        ...auth(),
        certificate: file(place.path(`${volume}/tls.crt`)),
        key: file(place.path(`${volume}/tls.key`)),
      });
      await place.project(`no-pem-${name}`, { ...texts, [name]: 'no PEM' });
      await using illegible = place.open(at(`no-pem-${name}`));
      expect(await illegible.roundTrip(KEY)).toBe('credential-unreadable');
      const { [name]: _, ...other } = texts as Record<string, string>;
      await place.project(`directory-${name}`, other);
      await place.makeDirectory(`directory-${name}/${name}`);
      await using misplaced = place.open(at(`directory-${name}`));
      expect(await misplaced.roundTrip(KEY)).toBe('credential-unreadable');
    },
  );

  it('R-AUTH-19 that has expired: refused once, and the next one on disk serves at once', async () => {
    await install(
      await issue({ notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 60_000) }),
    );
    await using live = place.open(auth());
    for (let call = 0; call < 10; call += 1) expect(await live.roundTrip(KEY)).toBe('login-refused');
    expect(live.log.entries(LOGIN_FAILED)).toHaveLength(1);
    await install(await issue());
    expect(await live.roundTrip(KEY)).toBe('ok');
  });

  it('R-AUTH-14 R-AUTH-32 that expires while the plugin runs: the renewal fails, the token serves to its end, and a new one in time makes it go unnoticed', async () => {
    const clock = new ManualClock();
    await install(await issue({ notAfter: new Date(Date.now() + 3000) }));
    await using live = place.open(auth(), { clock });
    expect(await live.roundTrip(KEY)).toBe('ok');
    await setTimeout(3500);

    clock.advance(clock.pending[0]!);
    await until('the renewal that fails', () => live.log.entries(NOT_RENEWED).length === 1);
    expect(live.log.entries(LOGIN_FAILED).map((entry) => entry.class)).toEqual(['login-refused']);
    expect(await live.roundTrip(KEY)).toBe('ok');

    await install(await issue());
    clock.advance(clock.pending[0]!);
    await until('the login in its place', () => live.logins() === 2);
    expect(await live.roundTrip(KEY)).toBe('ok');

    expect(live.log.entries(LOGIN_FAILED)).toHaveLength(1);
  });
});

describe('a certificate of a call', () => {
  it('R-AUTH-19 that has expired: refused, and sent once', async () => {
    const { address } = place.customer.bao;
    const { certificatePem: clientCert, privateKeyPem: privateKey } = await place.customer.authority.issue({
      commonName: 'late',
      notBefore: new Date(Date.now() - 7_200_000),
      notAfter: new Date(Date.now() - 60_000),
    });
    await using live = openLiveKeystore(place.customer, 'callCertificate');
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const call = live.call({ values: { clientCert, privateKey, address } });
      await expect(live.keystore.describeKey(call, KEY)).rejects.toMatchObject({ class: 'login-refused' });
    }
    expect(live.log.entries(LOGIN_FAILED)).toHaveLength(1);
  });

  it('R-AUTH-02 R-AUTH-04 of another tenant, which a tenant names with its own key: refused, and the session of the other is not used', async () => {
    const { authority, bao, identity: victim } = place.customer;
    const attacker = await authority.issue({ commonName: 'attacker' });
    await enableCertAuth(bao, {
      role: 'victim',
      policies: [CUSTOMER_ROLE],
      certificatePem: authority.certificatePem,
      allowedCommonNames: ['cmk-tenant-1'],
    });
    await using live = openLiveKeystore(place.customer, 'callCertificate');
    const use = (certificateChainPem: string, privateKeyPem: string): Promise<unknown> => {
      const { access, ...call } = live.call({ values: { roleName: 'victim' } });
      const certificate = { certificateChainPem, privateKeyPem: new Secret(privateKeyPem) };
      return live.keystore.describeKey({ ...call, access: { ...access, certificate } }, KEY).then(
        () => 'ok',
        (error: unknown) => (error instanceof KeystoreError ? error.class : String(error)),
      );
    };
    expect(await use(victim.certificatePem, victim.privateKeyPem)).toBe('ok');
    expect(await use(victim.certificatePem, attacker.privateKeyPem)).toBe('invalid-access-data');
    expect(live.log.entries(LOGIN_FAILED)).toEqual([]);
    // In a chain with a certificate of its own it is no more than decoration.
    for (const chain of [
      victim.certificatePem + attacker.certificatePem,
      attacker.certificatePem + victim.certificatePem,
    ]) {
      expect(await use(chain, attacker.privateKeyPem)).toBe('login-refused');
    }
    expect(await use(victim.certificatePem, victim.privateKeyPem)).toBe('ok');
    expect(live.logins()).toBe(1);
  });
});
