import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parse, stringify } from 'yaml';

import type { Stage } from '../../../keystore-contract/conformance/stage.ts';
import {
  enableAppRole,
  enableCertAuth,
  enableJwt,
  enableKubernetes,
  wrapSecretId,
} from '../../../scripts/openbao/setup.ts';
import { type Canary, keyCanaries } from '../../support/canaries.ts';
import { createCustomerStage } from '../../support/conformance-stage.ts';
import { CUSTOMER_ROLE, type Customer, startCustomer } from '../../support/customer.ts';
import { createIssuer } from '../../support/jwt.ts';
import { rawAudit, secretsInAudit } from '../../support/raw-audit.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { startTokenReviews } from '../../support/token-review.ts';

/** The ways in which a plugin comes to an identity, each with secrets of its own. */
export const IDENTITIES = ['approle', 'approle, wrapped', 'jwt', 'kubernetes', 'cert', 'callCertificate'] as const;
export type IdentityKind = (typeof IDENTITIES)[number];

/** A plugin's configuration and surroundings with one identity. */
export interface CanarySetting {
  readonly yaml: string;
  readonly stage: Stage;
  /** Secrets of the identity that OpenBao is never told. */
  readonly canaries: readonly Canary[];
}

/** A customer whose OpenBao keeps account of every secret. */
export interface CanaryStage extends AsyncDisposable {
  readonly customer: Customer;
  open(kind: IdentityKind): Promise<CanarySetting>;
  /** All secrets that OpenBao has been given and has given out so far. */
  secretsOfServer(): Promise<readonly Canary[]>;
}

interface ProcessIdentity {
  readonly auth: object;
  readonly canaries?: readonly Canary[];
}

const ROLE = 'canary';
const ACCOUNT = { namespace: 'cmk', name: 'plugin' };
// Short enough for renewals while the contract is gone through.
const LIFE = { tokenTtl: '10s', tokenMaxTtl: '40s' };

export async function startCanaryStage(): Promise<CanaryStage> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const audit = join(folder.path, 'audit');
  const customer = resources.use(await startCustomer({ configuration: rawAudit(audit) }));
  const reviews = resources.use(await startTokenReviews());
  const { authority, bao, identity, stranger } = customer;
  const issuer = createIssuer();
  const login = { role: ROLE, policies: [CUSTOMER_ROLE], ...LIFE };
  const { roleId, secretId } = await enableAppRole(bao, login);
  const certificates = { ...login, certificatePem: authority.certificatePem };
  await enableCertAuth(bao, certificates);
  await enableCertAuth(bao, { ...certificates, role: CUSTOMER_ROLE });
  await enableJwt(bao, { ...login, keys: { publicKeysPem: [issuer.publicKeyPem] }, audience: 'openbao' });
  await enableKubernetes(bao, {
    ...login,
    reviewer: reviews,
    serviceAccounts: [ACCOUNT.name],
    namespaces: [ACCOUNT.namespace],
  });

  const write = async (name: string, text: string) => {
    await writeFile(join(folder.path, name), text, { mode: 0o600 });
    return { source: 'file', file: { path: join(folder.path, name) } };
  };
  const workload = async (method: 'jwt' | 'kubernetes', token: string) => {
    const { file } = await write(method, token);
    return { auth: { method, role: ROLE, tokenPath: file.path }, canaries: [{ name: 'JWT', value: token }] };
  };
  const processes: Readonly<Record<Exclude<IdentityKind, 'callCertificate'>, () => Promise<ProcessIdentity>>> = {
    approle: async () => ({ auth: { method: 'approle', roleId, secretId: await write('secret-id', secretId) } }),
    'approle, wrapped': async () => {
      const wrapped = await write('wrapped', await wrapSecretId(bao, { role: ROLE }));
      return { auth: { method: 'approle', roleId, role: ROLE, secretIdWrapped: wrapped } };
    },
    jwt: () => workload('jwt', issuer.issue({ sub: 'plugin', aud: 'openbao' })),
    kubernetes: () => workload('kubernetes', reviews.project(ACCOUNT)),
    cert: async () => {
      const { certificatePem, privateKeyPem } = await authority.issue({ commonName: 'plugin' });
      const [certificate, key] = [await write('tls.crt', certificatePem), await write('tls.key', privateKeyPem)];
      return {
        auth: { method: 'cert', role: ROLE, certificate, key },
        canaries: keyCanaries(privateKeyPem),
      };
    },
  };

  // Audit records tell the most of a call.
  const audited = (yaml: string, changes: object = {}): string =>
    stringify({ ...(parse(yaml) as object), audit: { level: 'info', detail: 'full' }, ...changes });
  const byCalls = await createCustomerStage(customer, 'callCertificate');
  const ofCalls = {
    ...byCalls,
    yaml: audited(byCalls.yaml),
    canaries: [identity, stranger].flatMap(({ privateKeyPem }) => keyCanaries(privateKeyPem)),
  };
  const ofProcess = await createCustomerStage(customer, 'approle');
  const held = resources.move();
  return {
    customer,
    async open(kind) {
      if (kind === 'callCertificate') return ofCalls;
      const { auth, canaries = [] } = await processes[kind]();
      return { yaml: audited(ofProcess.yaml, { auth }), stage: ofProcess.stage, canaries };
    },
    secretsOfServer: () => secretsInAudit(audit),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
