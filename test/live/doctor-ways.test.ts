import { chmod, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { startRaftCluster } from '../../scripts/openbao/raft-cluster.ts';
import { startOpenBao } from '../../scripts/openbao/server.ts';
import { administer, enableCertAuth, leastPolicy, mountState, writePolicy } from '../../scripts/openbao/setup.ts';
import { UnknownCheckError } from '../../src/doctor/selection.ts';
import type { CheckResult } from '../../src/doctor/report.ts';
import { createAuthority, type LeafOptions } from '../support/pki.ts';
import { checkOf, type DoctorStage, fileRef, idsOf, openDoctorStage, type Patient } from '../support/doctor-stage.ts';

let stage: DoctorStage;
beforeAll(async () => {
  stage = await openDoctorStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const USUAL_WARNINGS = ['server.ha'];
const DAY_MS = 86_400_000;

describe('R-DOCTOR-03 what works and is not as it should be is a warning, and no failure', () => {
  const WARNINGS: readonly (readonly [fault: string, check: string, make: (patient: Patient) => unknown])[] = [
    ['development mode', 'config.development', ({ configuration }) => (configuration.development = true)],
    ['a secret that everybody may read', 'files.mode', ({ secretIdFile }) => chmod(secretIdFile, 0o644)],
    ['a secret of last year', 'files.age', ({ secretIdFile }) => utimes(secretIdFile, new Date(), daysAgo(365))],
    ['a secret id with few uses', 'login.secret-id', (patient) => patient.drawSecretId({ num_uses: 5 })],
    ['a secret id that ends soon', 'login.secret-id', (patient) => patient.drawSecretId({ ttl: '1h' })],
    ['a lease of two minutes', 'token.ttl', (patient) => writeRole(patient, { token_ttl: '120s' })],
    ['a maximum of a month', 'token.maximum', (patient) => writeRole(patient, { token_max_ttl: '720h' })],
    ['deletion_allowed', 'key.deletion', (patient) => writeKey(patient, { deletion_allowed: true })],
    ['rotation by OpenBao', 'key.auto-rotation', (patient) => writeKey(patient, { auto_rotate_period: '720h' })],
    [
      'a second address on which nobody answers',
      'network.connect',
      ({ bao, configuration }) => {
        configuration.openbao.addresses = [bao.address, 'https://127.0.0.1:1'];
      },
    ],
  ];

  it.each(WARNINGS)('%s: %s', async (_, id, make) => {
    const patient = await stage.newPatient();
    await make(patient);
    const result = await patient.examine();
    expect(idsOf(result, 'failed')).toEqual([]);
    expect(idsOf(result, 'warning').toSorted()).toEqual([...USUAL_WARNINGS, id].toSorted());
    expect(result.exit_code).toBe(0);
    expect(checkOf(result, id).fix).not.toBe('');
  });

  it('retired versions, a wildcard, and a mount with its cache', async () => {
    const patient = await stage.newPatient();
    const { administer: ask, key, mount, role } = patient;
    await ask('POST', `${mount}/keys/${key}/rotate`);
    await writeKey(patient, { min_decryption_version: 2 });
    await patient.grant(`path "${mount}/decrypt/*" { capabilities = ["update"] }\n`);
    const result = await patient.examine();
    expect(idsOf(result, 'warning')).toEqual([...USUAL_WARNINGS, 'key.versions', 'excess.other-keys']);

    await ask('POST', `sys/mounts/cached-${role}`, { type: 'transit' });
    await ask('POST', `cached-${role}/keys/${key}`, {});
    await ask('POST', `cached-${role}/config/keys`, { disable_upsert: true });
    await writePolicy(stage.bao, role, patient.policy.replaceAll(mount, `cached-${role}`));
    patient.configuration.openbao.transitMount = `cached-${role}`;
    expect(idsOf(await patient.examine(), 'warning')).toEqual([...USUAL_WARNINGS, 'transit.write-hazard']);
  });
});

describe('R-DOCTOR-04 what is looked at can be chosen', () => {
  it('before the key and its policy are there', async () => {
    const patient = await stage.newPatient();
    await writePolicy(stage.bao, patient.role, leastPolicy({ key: 'other', mount: 'other' }));
    patient.options = { keys: ['not-yet'], pre: true };
    const result = await patient.examine();
    expect(idsOf(result, 'failed')).toEqual([]);
    expect(result).toMatchObject({ exit_code: 0, plugin_status: 'unproven', auth_status: 'authenticated' });
    expect(checkOf(result, 'key.exists').message).toContain('once the key and its policy are there');
    expect(checkOf(result, 'end.revoked').status).toBe('ok');
  });

  it('one check with all that it needs, or a group', async () => {
    const patient = await stage.newPatient();
    patient.options = { ...patient.options, only: ['transit.type'] };
    const one = (await patient.examine()).checks.map(({ id }) => id);
    expect(one).toContain('login.accepted');
    expect(one.at(-1)).toBe('transit.type');
    patient.options = { only: ['config', 'files'] };
    const groups = new Set((await patient.examine()).checks.map(({ group }) => group));
    expect([...groups]).toEqual(['config', 'files']);
  });

  it('all but some, and then nothing that needs them', async () => {
    const patient = await stage.newPatient();
    const before = (await administer(stage.bao, 'LIST', 'auth/token/accessors')).keys as unknown[];
    patient.options = { ...patient.options, skip: ['login', 'files.age'] };
    const result = await patient.examine();
    expect(checkOf(result, 'files.age').message).toBe('left out as asked');
    expect(checkOf(result, 'token.lookup').message).toBe('needs login.accepted');
    expect(checkOf(result, 'server.unsealed').status).toBe('ok');
    expect(result).toMatchObject({ exit_code: 0, plugin_status: 'unproven' });
    expect((await administer(stage.bao, 'LIST', 'auth/token/accessors')).keys).toHaveLength(before.length);
  });

  it('a name that no check has is refused before anything is asked', async () => {
    const patient = await stage.newPatient();
    patient.options = { only: ['key', 'nonsense'], skip: ['server.nothing'] };
    await expect(patient.examine()).rejects.toThrow(new UnknownCheckError(['nonsense', 'server.nothing']));
  });

  it('no key, and several keys: what is wrong with one says nothing of the other', async () => {
    const patient = await stage.newPatient();
    await patient.administer('POST', `${patient.mount}/keys/other`, {});
    await patient.grant(leastPolicy({ key: 'other', mount: patient.mount }));
    await patient.administer('DELETE', `${patient.mount}/keys/other/soft-delete`);
    patient.options = { keys: ['other', patient.key] };
    const result = await patient.examine();
    const roundTrips = result.checks.filter(({ id }) => id === 'use.round-trip');
    expect(roundTrips.map(({ key, status }) => [key, status])).toEqual([
      ['other', 'skipped'],
      [patient.key, 'ok'],
    ]);
    patient.options = {};
    const keyless = await patient.examine();
    expect(checkOf(keyless, 'key.readable').message).toBe('no key was named');
    expect(keyless).toMatchObject({ exit_code: 0, plugin_status: 'unproven' });
  });
});

describe('R-DOCTOR-05 nothing is left behind', () => {
  it('by an interruption at any check', async () => {
    const patient = await stage.newPatient();
    const tokens = async (): Promise<unknown> => (await administer(stage.bao, 'LIST', 'auth/token/accessors')).keys;
    const before = await tokens();
    for (const last of ['login.namespace', 'login.unwrap', 'token.lookup', 'excess.sudo', 'use.round-trip']) {
      const interruption = new AbortController();
      patient.options = {
        keys: [patient.key],
        signal: interruption.signal,
        onResult: ({ id }: CheckResult) => {
          if (id === last) interruption.abort();
        },
      };
      const result = await patient.examine();
      expect(result.interrupted).toBe(true);
      expect(result.plugin_status).toBe('unproven');
      expect(result.checks.at(-1)).toMatchObject({ id: 'end.revoked', message: 'the examination was interrupted' });
      expect(await tokens()).toEqual(before);
    }
  });

  it('by trying rights that the token may not ask about, whatever it may do', async () => {
    const patient = await stage.newPatient();
    const { key, mount, role } = patient;
    const everything = '{ capabilities = ["create", "read", "update", "delete", "list", "sudo"] }';
    await writePolicy(
      stage.bao,
      role,
      `path "*" ${everything}\npath "sys/capabilities-self" { capabilities = ["deny"] }\n`,
    );
    const state = async (): Promise<unknown> => [
      await patient.administer('GET', `${mount}/keys?list=true`),
      await patient.administer('GET', `${mount}/keys/${key}`),
      await patient.administer('GET', `${mount}/config/keys`),
      await patient.administer('GET', 'sys/policies/acl?list=true'),
      await patient.administer('GET', 'sys/mounts'),
    ];
    const before = await state();
    const result = await patient.examine();
    expect(await state()).toEqual(before);
    expect(idsOf(result, 'failed')).toEqual([
      'excess.upsert',
      'excess.backup',
      'excess.changes',
      'excess.administration',
      'excess.sudo',
    ]);
    expect(idsOf(result, 'warning')).toContain('excess.other-keys');
    expect(checkOf(result, 'excess.export')).toMatchObject({
      status: 'skipped',
      policy: expect.stringContaining('sys/capabilities-self') as string,
    });
  });

  it('the least policy is enough to see whether it is enough', async () => {
    const patient = await stage.newPatient();
    await writePolicy(stage.bao, patient.role, leastPolicy({ key: patient.key, mount: patient.mount }));
    const result = await patient.examine();
    expect(idsOf(result, 'failed')).toEqual([]);
    expect(result.plugin_status).toBe('ready');
    expect(result.tests.verify_access_controls).toBe('passed');
    await writePolicy(
      stage.bao,
      patient.role,
      leastPolicy({ key: patient.key, mount: patient.mount }).replace(/^.*decrypt.*$/m, ''),
    );
    expect(idsOf(await patient.examine(), 'failed')).toEqual(['rights.decrypt']);
  });
});

describe('R-DOCTOR-06 every identity', () => {
  const callCertificate = async (leaf: Partial<LeafOptions> = {}): Promise<Patient> => {
    const patient = await stage.newPatient();
    const { bao, configuration, mount, role } = patient;
    const authority = await createAuthority({ commonName: `Tenants ${role}` });
    const { certificatePem } = authority;
    await enableCertAuth(bao, { role, policies: [role], certificatePem, tokenTtl: '1h', tokenMaxTtl: '4h' });
    const identity = await authority.issue({ commonName: 'tenant', ...leaf });
    configuration.openbao = {
      allowedAddresses: [{ pattern: bao.address, ca: fileRef(bao.caFile), privateAddresses: true }],
    };
    configuration.auth = { method: 'callCertificate' };
    patient.options = {
      keys: [patient.key],
      access: {
        address: bao.address,
        mountPath: mount,
        roleName: role,
        clientCert: identity.certificatePem,
        privateKey: identity.privateKeyPem,
      },
    };
    return patient;
  };

  it('that a call brings', async () => {
    const patient = await callCertificate();
    const result = await patient.examine();
    expect(idsOf(result, 'failed')).toEqual([]);
    expect(result).toMatchObject({ plugin_status: 'ready', policies_applied: [patient.role] });
  });

  it('that a call brings and that has expired', async () => {
    const patient = await callCertificate({ notBefore: daysAgo(2), notAfter: daysAgo(1) });
    const result = await patient.examine();
    expect(idsOf(result, 'failed')).toEqual(['login.certificate']);
    expect(result.exit_code).toBe(5);
  });

  it('that a call brings and that OpenBao does not trust', async () => {
    const patient = await callCertificate();
    const stranger = await (await createAuthority({ commonName: 'Strangers' })).issue({ commonName: 'tenant' });
    const { certificatePem: clientCert, privateKeyPem: privateKey } = stranger;
    patient.options = { ...patient.options, access: { ...(patient.options.access as object), clientCert, privateKey } };
    const result = await patient.examine();
    expect(idsOf(result, 'failed')).toEqual(['login.accepted']);
    expect(checkOf(result, 'login.accepted').fix).toContain(`bao read auth/cert/certs/${patient.role}`);
  });

  it('that nobody gave: the servers are looked at all the same', async () => {
    const patient = await callCertificate();
    patient.options = { keys: [patient.key] };
    const result = await patient.examine();
    expect(idsOf(result, 'failed')).toEqual([]);
    expect(checkOf(result, 'server.unsealed').status).toBe('ok');
    expect(checkOf(result, 'login.identity').status).toBe('skipped');
    expect(result).toMatchObject({ plugin_status: 'unproven', auth_status: 'unknown' });
  });

  it('whose access data cannot be used', async () => {
    const patient = await callCertificate();
    for (const access of [
      { address: 'https://elsewhere.example.com', clientCert: 'x', privateKey: 'y' },
      { address: patient.bao.address, clientCert: 'x' },
      'text',
    ]) {
      patient.options = { access };
      const result = await patient.examine();
      expect(idsOf(result, 'failed')).toEqual(['config.access-data']);
      expect(result.exit_code).toBe(3);
    }
  });

  it('whose signed token has expired', async () => {
    const patient = await stage.newPatient();
    await administer(stage.bao, 'POST', 'sys/auth/jwt', { type: 'jwt' });
    const file = join(patient.folder, 'token.jwt');
    const claims = { iat: 1, exp: Math.floor(Date.now() / 1000) - 7200 };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    await writeFile(file, `${part({ alg: 'ES256' })}.${part(claims)}.c2ln`, { mode: 0o600 });
    patient.configuration.auth = { method: 'jwt', role: 'r', tokenPath: file };
    const result = await patient.examine();
    expect(idsOf(result, 'failed')).toEqual(['login.token-file']);
    expect(checkOf(result, 'login.token-file').message).toMatch(/expired 2 hours ago/);
  });

  it('for keys of tenants: what it needs besides is looked at, and granted by what is printed', async () => {
    const patient = await stage.newPatient();
    const { role } = patient;
    await mountState(stage.bao, `state-${role}`);
    patient.configuration.keys = { stateMount: `state-${role}` };
    patient.options = { keys: [patient.key], roles: ['byok-management', 'crypto'] };
    const found = await patient.examine();
    expect(idsOf(found, 'failed')).toEqual(['transit.wrapping-key', 'transit.state-mount', 'rights.management']);
    const { policy = '' } = checkOf(found, 'rights.management');
    expect(policy).toContain('allowed_parameters');
    await patient.grant(policy);
    const mended = await patient.examine();
    expect(idsOf(mended, 'failed')).toEqual([]);
    expect(checkOf(mended, 'excess.changes').message).toBe('the role byok-management needs it');
    patient.configuration.keys = {};
    expect(idsOf(await patient.examine(), 'failed')).toEqual(['transit.state-mount']);
  });

  it('of the operator of a provider', async () => {
    const patient = await stage.newPatient();
    const { bao, configuration } = patient;
    Object.assign(configuration, { provider: { isolation: 'mount', ca: fileRef(bao.caFile) } });
    patient.options = { roles: ['provider'] };
    const found = await patient.examine();
    expect(idsOf(found, 'failed')).toEqual(['rights.operator']);
    const { message, policy = '' } = checkOf(found, 'rights.operator');
    expect(message).toContain('update sys/policies/acl/openkcm-*');
    await patient.grant(policy);
    const mended = await patient.examine();
    expect(idsOf(mended, 'failed')).toEqual([]);
    expect(checkOf(mended, 'rights.operator').status).toBe('ok');
    expect(checkOf(mended, 'transit.mount').message).toBe('the role provider uses no mount');
  });
});

describe('R-DOCTOR-07 a cluster', () => {
  it('that speaks plain http in development: there is no TLS to look at', async () => {
    await using bao = await startOpenBao({ tls: false });
    const patient = await stage.newPatient();
    Object.assign(patient.configuration, { development: true });
    Object.assign(patient.configuration.openbao, { addresses: [bao.address] });
    patient.options = { only: ['tls', 'server'] };
    const result = await patient.examine();
    expect(idsOf(result, 'failed')).toEqual([]);
    expect(checkOf(result, 'tls.trust').message).toContain('plain http');
    expect(checkOf(result, 'server.active').status).toBe('ok');
  });

  it('of which the standbys alone are listed; and one that is waited for', async () => {
    await using cluster = await startRaftCluster();
    const active = await cluster.active();
    const standbys = cluster.nodes.filter((node) => node !== active).map(({ address }) => address);
    const patient = await stage.newPatient();
    const { openbao } = patient.configuration;
    Object.assign(openbao, { ca: fileRef(cluster.caFile), addresses: standbys });
    patient.options = { only: ['server'] };
    const blind = await patient.examine();
    expect(idsOf(blind, 'failed')).toEqual(['server.active']);
    expect(blind.exit_code).toBe(5);
    openbao.addresses = [...standbys, active.address];
    const seeing = await patient.examine();
    expect([idsOf(seeing, 'failed'), idsOf(seeing, 'warning')]).toEqual([[], []]);
  });

  it('that comes while it is waited for; one that does not come is told of when the time is over', async () => {
    const patient = await stage.newPatient();
    await stage.bao.seal();
    patient.options = { only: ['server.unsealed'], waitMs: 1000 };
    expect(idsOf(await patient.examine(), 'failed')).toEqual(['server.unsealed']);
    patient.options = { only: ['server.unsealed'], waitMs: 60_000 };
    const waiting = patient.examine();
    await stage.bao.unseal();
    expect(idsOf(await waiting, 'failed')).toEqual([]);
  });
});

function daysAgo(days: number): Date {
  return new Date(Date.now() - days * DAY_MS);
}

function writeRole({ administer: ask, role }: Patient, fields: object): Promise<unknown> {
  return ask('POST', `auth/approle/role/${role}`, fields);
}

function writeKey({ administer: ask, key, mount }: Patient, fields: object): Promise<unknown> {
  return ask('POST', `${mount}/keys/${key}/config`, fields);
}
