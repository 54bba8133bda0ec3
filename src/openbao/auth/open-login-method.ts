import type { PluginConfiguration } from '../../config/configuration.ts';
import type { SourceRef } from '../../config/source-ref.ts';
import type { ClientCertificate } from '../client-certificate.ts';
import type { Identity } from '../target.ts';
import { createAppRole, type SecretIdSource } from './approle.ts';
import { createCertificate } from './certificate.ts';
import { createJwt } from './jwt.ts';
import { createKubernetes } from './kubernetes.ts';
import type { LoginMethod } from './login-method.ts';
import type { ReadValue } from './read-value.ts';
import { createStaticToken } from './static-token.ts';

type Auth = PluginConfiguration['auth'];
type Method = Auth['method'];
type ProcessMethod = Exclude<Method, 'callCertificate'>;

/** What methods are opened with. */
export interface LoginTools {
  readonly read: ReadValue;
  /** The certificate of the process, read anew. */
  readonly readCertificate: () => Promise<ClientCertificate>;
}

type Open<M extends Method> = (auth: Extract<Auth, { method: M }>, tools: LoginTools) => LoginMethod;

const file = (path: string): SourceRef => ({ source: 'file', file: { path } });

const PROCESS_METHODS: { readonly [M in ProcessMethod]: Open<M> } = {
  approle: (auth, { read }) => createAppRole({ ...auth, secretId: secretIdSource(auth), read }),
  kubernetes: ({ mount, role, tokenPath }, { read }) => createKubernetes({ mount, role, token: file(tokenPath), read }),
  jwt: ({ mount, role, tokenPath }, { read }) => createJwt({ mount, role, token: file(tokenPath), read }),
  cert: ({ mount, role }, { readCertificate }) =>
    createCertificate({ name: 'cert', mount, role, fingerprint: async () => (await readCertificate()).fingerprint }),
  token: ({ token }, { read }) => createStaticToken({ token, read }),
};

/** The login method of an identity. The one of the process belongs to the process: it may remember what it was given once. */
export function openLoginMethod(identity: Identity, auth: Auth, tools: LoginTools): LoginMethod {
  if (identity.method === 'callCertificate') {
    const { certificate, mount, roleName: role } = identity;
    const fingerprint = () => Promise.resolve(certificate.fingerprint);
    return createCertificate({ name: 'callCertificate', mount, role, fingerprint });
  }
  if (auth.method !== identity.method) throw new Error('the identity is not the configured one');
  const open = PROCESS_METHODS[identity.method] as Open<Method>;
  return open(auth, tools);
}

// That one of them is there, and with the second the role, was seen with the configuration.
function secretIdSource({
  role = '',
  secretId,
  secretIdWrapped,
}: Extract<Auth, { method: 'approle' }>): SecretIdSource {
  if (secretIdWrapped !== undefined) return { wrapped: secretIdWrapped, role };
  if (secretId === undefined) throw new Error('the configuration has no secret id');
  return { plain: secretId };
}
