import { createHash } from 'node:crypto';

import type { SourceRef } from '../../config/source-ref.ts';
import { KeystoreError } from '../../keystore/errors.ts';
import { loginPath } from '../paths.ts';
import type { LoginMethod } from './login-method.ts';
import { judgeBy, type RefusalRow } from './refusal.ts';

const MINUTE_MS = 60_000;

// Texts that can end in the secret id itself are only ever compared, here.
const REFUSALS: readonly RefusalRow[] = [
  { status: 400, text: /invalid role or secret ID/, class: 'login-refused' },
  { status: 400, text: /invalid secret_id/, class: 'login-refused' },
  { status: 400, text: /missing (role_id|secret_id)/, class: 'login-refused' },
  { status: 500, text: /^missing role_id$/, class: 'login-refused' },
  { status: 400, text: /source address .* unauthorized/, class: 'login-refused' },
  // Five failures lock the role for 15 minutes, for whoever caused them; then the right secret gets this too.
  { status: 403, text: /^permission denied$/, class: 'login-locked-out' },
];

/** Reads a value named by the configuration. */
export type ReadValue = (ref: SourceRef) => Promise<{ reveal(): string }>;

/** AppRole: role id and secret id, both read at each login so that a replaced file counts without a restart. */
export function createAppRole(options: {
  readonly mount: string;
  readonly roleId: string | SourceRef;
  readonly secretId: SourceRef;
  readonly read: ReadValue;
}): LoginMethod {
  return {
    name: 'approle',
    rest: { firstMs: 16 * MINUTE_MS, maxMs: 16 * MINUTE_MS, untilChanged: true },
    async prepare() {
      const roleId =
        typeof options.roleId === 'string' ? options.roleId : (await readable(options.read, options.roleId)).reveal();
      const secretId = (await readable(options.read, options.secretId)).reveal();
      return {
        path: loginPath(options.mount),
        body: { role_id: roleId, secret_id: secretId },
        fingerprint: createHash('sha256').update(roleId).update('\0').update(secretId).digest('hex'),
      };
    },
    judge: (answer) => judgeBy(REFUSALS, answer),
  };
}

async function readable(read: ReadValue, ref: SourceRef): Promise<{ reveal(): string }> {
  try {
    return await read(ref);
  } catch (error) {
    const reason =
      error instanceof Error && 'reason' in error && typeof error.reason === 'string' ? error.reason : 'unreadable';
    throw new KeystoreError('credential-unreadable', 'the credential of the plugin cannot be read', { cause: reason });
  }
}
