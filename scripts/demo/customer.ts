import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenBaoServer } from '../openbao/server.ts';
import { administer, createKey, enableAppRole, leastPolicy, mountTransit, writePolicy } from '../openbao/setup.ts';

/** The files that the customer's administrator hands to the operator. */
export interface HandedOver {
  readonly roleIdFile: string;
  readonly secretIdFile: string;
}

/** What OpenBao knows of the token that a login gave out. */
export interface IssuedToken {
  readonly method: string;
  readonly policies: readonly string[];
  readonly ttlSeconds: number;
}

export const KEY = 'l1-tenant-1';
export const POLICY = 'openkcm-l1';
export const ROLE = 'openkcm';
export const TOKEN_TTL = '1h';

/** What a customer's administrator prepares, once: mount, key, the least policy, and a login that has no more than it. */
export async function prepareOpenBao(bao: OpenBaoServer, folder: string): Promise<HandedOver> {
  await mountTransit(bao);
  await createKey(bao, { key: KEY });
  await writePolicy(bao, POLICY, leastPolicy({ key: KEY }));
  const { roleId, secretId } = await enableAppRole(bao, { role: ROLE, policies: [POLICY], tokenTtl: TOKEN_TTL });
  await mkdir(folder, { mode: 0o700 });
  const files = { roleIdFile: join(folder, 'role-id'), secretIdFile: join(folder, 'secret-id') };
  await writeFile(files.roleIdFile, roleId, { mode: 0o600 });
  await writeFile(files.secretIdFile, secretId, { mode: 0o600 });
  return files;
}

/** The tokens that logins gave out and nobody has revoked, as the administrator sees them. */
export async function issuedTokens(bao: OpenBaoServer): Promise<IssuedToken[]> {
  const { keys } = (await administer(bao, 'LIST', 'auth/token/accessors')) as { keys: string[] };
  const tokens = await Promise.all(
    keys.map((accessor) => administer(bao, 'POST', 'auth/token/lookup-accessor', { accessor })),
  );
  return tokens
    .map(({ path, policies, ttl }) => ({
      method: String(path),
      policies: policies as string[],
      ttlSeconds: Number(ttl),
    }))
    .filter(({ method }) => method.endsWith('/login'));
}
