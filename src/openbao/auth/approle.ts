import type { SourceRef } from '../../config/source-ref.ts';
import { loginPath, secretIdPath } from '../paths.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { AskServer, LoginMethod, Rest } from './login-method.ts';
import { type ReadValue, readCredential } from './read-value.ts';
import { judgeBy, type RefusalRow } from './refusal.ts';
import { WrappedSecretId } from './wrapped-secret-id.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

// OpenBao counts failures of a role that come less than 15 minutes apart, whoever causes them, and locks the role at the
// fifth. One process stays clear of that with 16 minutes; several between them do not, so the pauses grow.
const REST: Rest = { firstMs: 16 * MINUTE_MS, maxMs: 4 * HOUR_MS, untilChanged: true };

// Texts that can end in the secret id itself are only ever compared, here.
const REFUSALS: readonly RefusalRow[] = [
  { status: 400, text: /invalid role or secret ID/, class: 'login-refused' },
  { status: 400, text: /invalid secret_id/, class: 'login-refused' },
  { status: 400, text: /missing (role_id|secret_id)/, class: 'login-refused' },
  { status: 500, text: /^missing role_id$/, class: 'login-refused' },
  { status: 400, text: /source address .* unauthorized/, class: 'login-refused', cause: 'SOURCE_ADDRESS' },
  // Five failures lock the role for 15 minutes, for whoever caused them; then the right secret gets this too, and it counts
  // for nothing. A mount that does not exist is answered alike.
  { status: 403, text: /^permission denied$/, class: 'login-locked-out', restMs: 5 * MINUTE_MS },
];

/** How the secret id is handed over. */
export type SecretIdSource =
  { readonly plain: SourceRef } | { readonly wrapped: SourceRef; /** Name of the role. */ readonly role: string };

/** AppRole: role id and secret id, both read at each login so that a replaced file counts without a restart. */
export function createAppRole(options: {
  readonly mount: string;
  readonly roleId: string | SourceRef;
  readonly secretId: SecretIdSource;
  readonly read: ReadValue;
}): LoginMethod {
  const { mount, read, roleId: role } = options;
  const secretIdOf = secretIdReader(options);
  return {
    name: 'approle',
    rest: REST,
    async prepare(ask) {
      const roleId = typeof role === 'string' ? role : await readCredential(read, role, 'public');
      const secretId = await secretIdOf(ask);
      const body = { role_id: roleId, secret_id: secretId };
      return { verb: 'write', path: loginPath(mount), body, fingerprint: fingerprintOf(roleId, secretId) };
    },
    judge: (answer) => judgeBy(REFUSALS, answer),
  };
}

function secretIdReader({
  mount,
  read,
  secretId,
}: Pick<Parameters<typeof createAppRole>[0], 'mount' | 'read' | 'secretId'>): (ask: AskServer) => Promise<string> {
  if ('plain' in secretId) return () => readCredential(read, secretId.plain);
  const creationPath = secretIdPath(mount, secretId.role);
  const wrapped = new WrappedSecretId({ token: secretId.wrapped, creationPath, read });
  return (ask) => wrapped.secretId(ask);
}
