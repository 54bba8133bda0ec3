import { unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { wrapSecretId } from '../../scripts/openbao/setup.ts';
import type { CheckId } from '../../src/doctor/check.ts';
import { startAlteringProxy } from '../support/altering-proxy.ts';
import { startFakeOpenBao, text } from '../support/fake-openbao.ts';
import { createAuthority } from '../support/pki.ts';
import { fileRef, type Patient } from '../support/doctor-stage.ts';

/**
 * How a fault is mended: by the rights that the check prints, by the commands that its fix names, or by what an
 * administrator makes of the fix.
 */
export type Repair = 'policy' | 'command' | (() => unknown);

/** A typical mistake, and the one check that has to name it. */
export interface FaultRow {
  readonly fault: string;
  readonly check: CheckId;
  readonly exitCode: 3 | 4 | 5;
  /** A part of the fix, with names in place of placeholders. */
  readonly fix: RegExp;
  readonly make: (patient: Patient, resources: AsyncDisposableStack) => Repair | Promise<Repair>;
}

const POLICY: Repair = 'policy';
const COMMAND: Repair = 'command';
const DAY_MS = 86_400_000;

export const FAULTS: readonly FaultRow[] = [
  // Configuration and files.
  row('text that is no configuration', 'config.valid', 3, /Correct what is named/, ({ configuration }) =>
    change(configuration.openbao, { adresses: [] }),
  ),
  row('no address', 'config.address', 3, /openbao\.addresses/, ({ configuration }) => {
    const { auth, openbao } = configuration;
    const mended = { auth: { ...auth }, openbao: { ...openbao } };
    Object.assign(openbao, { addresses: [] });
    configuration.auth = { method: 'callCertificate' };
    return () => Object.assign(configuration, mended);
  }),
  row(
    'the file of the secret id is not there',
    'files.readable',
    4,
    /where the configuration looks/,
    async (patient) => {
      await unlink(patient.secretIdFile);
      return () => patient.drawSecretId();
    },
  ),

  // Network and TLS.
  row('a name that nobody knows', 'network.dns', 5, /Correct the name/, (patient) =>
    moveTo(patient, 'https://bao.invalid'),
  ),
  row('a port on which nothing listens', 'network.connect', 5, /correct the port/, async (patient) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return moveTo(patient, `https://127.0.0.1:${port}`);
  }),
  row('a port that speaks plain http', 'tls.handshake', 5, /TLS listener/, async (patient, resources) => {
    const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    resources.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    return moveTo(patient, `https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }),
  row('the wrong authority', 'tls.trust', 5, /authority that signed it/, async (patient) =>
    trust(patient, (await createAuthority()).certificatePem),
  ),
  row('an expired authority', 'tls.authorities', 5, /signs for OpenBao today/, async (patient) => {
    const expired = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) };
    return trust(patient, (await (await createAuthority()).issue({ commonName: 'old', ...expired })).certificatePem);
  }),
  row('a name that is not in the certificate', 'tls.name', 5, /serverName/, ({ configuration }) =>
    change(configuration.openbao, { serverName: 'bao.example.com' }),
  ),
  row('an expired certificate of the server', 'tls.expiry', 5, /Renew the certificate/, async (patient, resources) => {
    const dates = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) };
    const fake = resources.use(await startFakeOpenBao({ certificate: dates }));
    const back = await trust(patient, fake.caPem);
    const home = moveTo(patient, fake.address);
    return async () => {
      home();
      await back();
    };
  }),

  // The server.
  row('a web server that is no OpenBao', 'server.answers', 5, /sys\/health/, async (patient, resources) => {
    const fake = resources.use(await startFakeOpenBao({ otherwise: text(200, 'It works!') }));
    const back = await trust(patient, fake.caPem);
    const home = moveTo(patient, fake.address);
    return async () => {
      home();
      await back();
    };
  }),
  altered('a server below the supported minimum', 'server.version', 4, /Upgrade OpenBao/, { version: '2.4.4' }),
  altered('a server with a known defect', 'server.defects', 4, /2\.7\.1/, { version: '2.6.2' }),
  altered('a server that was never initialised', 'server.initialised', 5, /bao operator init/, { initialized: false }),
  row('clocks that differ', 'server.clock', 4, /NTP/, (patient) => {
    const { options } = patient;
    patient.options = { ...options, now: () => Date.now() + 600_000 };
    return () => (patient.options = options);
  }),
  row('a sealed server', 'server.unsealed', 5, /bao operator unseal/, async ({ bao }) => {
    await bao.seal();
    return () => bao.unseal();
  }),

  // The login.
  row('the wrong namespace', 'login.namespace', 5, /whole path from the root/, ({ configuration }) =>
    change(configuration.openbao, { namespace: 'nowhere' }),
  ),
  row('the wrong auth mount', 'login.mount', 5, /bao auth enable -path=elsewhere/, ({ configuration }) =>
    change(configuration.auth, { mount: 'elsewhere' }),
  ),
  row('the wrong role id', 'login.accepted', 5, /role-id/, ({ configuration }) =>
    change(configuration.auth, { roleId: '00000000-0000-4000-8000-000000000000' }),
  ),
  row('an expired secret id', 'login.accepted', 5, /bao write -f auth\/approle\/role\/\w+/, async (patient) => {
    await patient.drawSecretId({ ttl: '1s' });
    await sleep(1500);
    return () => patient.drawSecretId();
  }),
  row('a secret id bound to other addresses', 'login.source-address', 5, /cidr_list/, async (patient) => {
    await patient.drawSecretId({ cidr_list: ['192.0.2.0/24'] });
    return () => patient.drawSecretId();
  }),
  row('a locked role', 'login.lockout', 5, /sys\/locked-users/, async ({ administer, bao, configuration }) => {
    const { roleId } = configuration.auth as { roleId: string };
    for (let tries = 0; tries < 5; tries += 1) {
      await bao.request('POST', 'auth/approle/login', { role_id: roleId, secret_id: 'wrong' }, { token: '' });
    }
    return async () => {
      const mounts = (await administer('GET', 'sys/auth')) as Record<string, { accessor: string }>;
      await administer('POST', `sys/locked-users/${mounts['approle/']!.accessor}/unlock/${roleId}`);
    };
  }),
  row('a wrapped secret id that somebody has unwrapped', 'login.unwrap', 5, /-wrap-ttl/, async (patient) => {
    const { bao, configuration, folder, role } = patient;
    const file = join(folder, `wrapped-${role}`);
    const token = await wrapSecretId(bao, { role });
    await bao.request('POST', 'sys/wrapping/unwrap', {}, { token });
    await writeFile(file, token, { mode: 0o600 });
    const { secretId: _, ...auth } = configuration.auth;
    configuration.auth = { ...auth, role, secretIdWrapped: fileRef(file) };
    return async () => writeFile(file, await wrapSecretId(bao, { role }), { mode: 0o600 });
  }),

  // The token.
  lacking('auth/token/lookup-self', 'token.lookup'),
  lacking('auth/token/renew-self', 'token.renewable'),
  lacking('auth/token/revoke-self', 'end.revoked'),
  roleSaying('batch tokens', 'token.type', /token_type=service/, { token_type: 'batch' }),
  roleSaying('a lease of 5 seconds', 'token.ttl', /token_ttl=1h/, { token_ttl: '5s' }),
  roleSaying('a limited number of uses', 'token.uses', /token_num_uses=0/, { token_num_uses: 1000 }),
  row('a token that cannot be renewed', 'token.renewable', 4, /renewable/, (patient) =>
    lendToken(patient, { renewable: false }),
  ),
  row('a root token', 'excess.root', 4, /login of its own/, async (patient) => {
    const { bao, configuration, folder, role } = patient;
    const file = join(folder, `root-${role}`);
    await writeFile(file, bao.rootToken, { mode: 0o600 });
    const auth = { ...configuration.auth };
    Object.assign(configuration, { development: true, auth: { method: 'token', token: fileRef(file) } });
    return () => Object.assign(configuration, { development: false, auth });
  }),

  // The mount.
  row('the wrong mount', 'transit.mount', 4, /bao secrets list/, ({ configuration }) =>
    change(configuration.openbao, { transitMount: 'nowhere' }),
  ),
  row(
    'a mount of another kind',
    'transit.type',
    4,
    /Transit engine/,
    async ({ administer, configuration, grant, role }) => {
      await administer('POST', `sys/mounts/kv-${role}`, { type: 'kv', options: { version: '2' } });
      await grant(`path "kv-${role}/keys/k" { capabilities = ["read"] }`);
      const back = change(configuration.openbao, { transitMount: `kv-${role}` });
      return async () => {
        back();
        await grant('');
      };
    },
  ),
  row('upsert', 'transit.upsert', 4, /disable_upsert=true/, async ({ administer, mount }) => {
    await administer('POST', `${mount}/config/keys`, { disable_upsert: false });
    return COMMAND;
  }),
  row(
    'plaintexts in the audit log',
    'transit.audit',
    4,
    /audit_non_hmac_request_keys/,
    async ({ administer, mount }) => {
      await administer('POST', `sys/mounts/${mount}/tune`, { audit_non_hmac_request_keys: ['plaintext'] });
      return () => administer('POST', `sys/mounts/${mount}/tune`, { audit_non_hmac_request_keys: [] });
    },
  ),

  // The key.
  row('no key', 'key.exists', 4, /bao list transit-\d+\/keys/, async ({ administer, key, mount }) => {
    await administer('POST', `${mount}/keys/${key}/config`, { deletion_allowed: true });
    await administer('DELETE', `${mount}/keys/${key}`);
    return COMMAND;
  }),
  otherKey('an RSA key', 'key.type', /another name/, { type: 'rsa-3072' }),
  otherKey('a derived key', 'key.derived', /derived=false/, { derived: true }),
  otherKey('an exportable key', 'key.exportable', /cannot be taken back/, { exportable: true }),
  otherKey('a key with plaintext backups', 'key.plaintext-backup', /cannot be taken back/, {
    allow_plaintext_backup: true,
  }),
  row('a soft-deleted key', 'key.enabled', 4, /soft-delete-restore/, async ({ administer, key, mount }) => {
    await administer('DELETE', `${mount}/keys/${key}/soft-delete`);
    return COMMAND;
  }),

  // Rights.
  lacking('<m>/keys/k', 'key.readable'),
  lacking('<m>/encrypt/k', 'rights.encrypt'),
  lacking('<m>/decrypt/k', 'rights.decrypt'),
  lacking('<m>/rewrap/k', 'rights.rewrap'),
  exceeding('<m>/encrypt/*', ['create'], 'excess.upsert'),
  exceeding('<m>/export/*', ['read'], 'excess.export'),
  exceeding('<m>/backup/*', ['read'], 'excess.backup'),
  exceeding('<m>/keys/k/rotate', ['update'], 'excess.changes'),
  exceeding('<m>/config/keys', ['read', 'update'], 'excess.engine'),
  exceeding('sys/policies/acl/*', ['update'], 'excess.administration'),
  exceeding('sys/seal', ['update', 'sudo'], 'excess.sudo'),
];

function row(
  fault: string,
  check: CheckId,
  exitCode: FaultRow['exitCode'],
  fix: RegExp,
  make: FaultRow['make'],
): FaultRow {
  return { fault, check, exitCode, fix, make };
}

/** A server that tells other things of itself than are so. */
function altered(fault: string, check: CheckId, exitCode: 4 | 5, fix: RegExp, health: object): FaultRow {
  return row(fault, check, exitCode, fix, async (patient, resources) => {
    const proxy = resources.use(await startAlteringProxy(patient.bao));
    proxy.alter = (body) => ({ ...body, ...health });
    await trust(patient, proxy.caPem);
    moveTo(patient, proxy.address);
    return () => (proxy.alter = (body) => body);
  });
}

function lacking(path: string, check: CheckId): FaultRow {
  return row(`no right on ${path}`, check, 4, /[Aa]dd the line/, async (patient) => {
    await patient.deny(path.replace('<m>', patient.mount));
    return POLICY;
  });
}

function exceeding(path: string, capabilities: readonly string[], check: CheckId): FaultRow {
  return row(`${capabilities.join(', ')} on ${path}`, check, 4, /out of the policy|in the policy/, async (patient) => {
    const granted = path.replace('<m>', patient.mount);
    await patient.grant(`path "${granted}" { capabilities = ${JSON.stringify(capabilities)} }\n`);
    return () => patient.grant('');
  });
}

function roleSaying(fault: string, check: CheckId, fix: RegExp, fields: object): FaultRow {
  return row(fault, check, 4, fix, async ({ administer, role }) => {
    await administer('POST', `auth/approle/role/${role}`, fields);
    return COMMAND;
  });
}

function otherKey(fault: string, check: CheckId, fix: RegExp, fields: object): FaultRow {
  return row(fault, check, 4, fix, async (patient) => {
    const { mount, options } = patient;
    await patient.administer('POST', `${mount}/keys/other`, fields);
    await patient.grant(patient.policy.replaceAll('/k"', '/other"'));
    patient.options = { ...options, keys: ['other'] };
    return () => (patient.options = options);
  });
}

function change(fields: Record<string, unknown>, changes: object): () => void {
  const before = { ...fields };
  Object.assign(fields, changes);
  return () => {
    for (const name of Object.keys(fields)) Reflect.deleteProperty(fields, name);
    Object.assign(fields, before);
  };
}

function moveTo({ configuration }: Patient, address: string): () => void {
  return change(configuration.openbao, { addresses: [address] });
}

async function trust(patient: Patient, pem: string): Promise<() => unknown> {
  const file = join(patient.folder, `ca-${patient.role}.pem`);
  await writeFile(file, pem);
  return change(patient.configuration.openbao, { ca: fileRef(file) });
}

/** A token that somebody else has made. */
async function lendToken(patient: Patient, fields: object): Promise<Repair> {
  const { bao, configuration, folder, role } = patient;
  const file = join(folder, `token-${role}`);
  const lend = async (more: object): Promise<void> => {
    const body = { policies: [role], no_default_policy: true, no_parent: true, ttl: '1h', ...more };
    const answer = await bao.request('POST', 'auth/token/create', body);
    await writeFile(file, (answer.body as { auth: { client_token: string } }).auth.client_token, { mode: 0o600 });
  };
  await lend(fields);
  Object.assign(configuration, { development: true, auth: { method: 'token', token: fileRef(file) } });
  return () => lend({});
}
