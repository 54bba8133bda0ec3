import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import {
  administer,
  createKey,
  drawSecretId,
  enableAppRole,
  type RoleOptions,
} from '../../../scripts/openbao/setup.ts';
import type { Clock } from '../../../src/openbao/clock.ts';
import { CUSTOMER_ROLE, type Customer, startCustomer } from '../../support/customer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type LiveKeystore, openLiveKeystore } from '../live-keystore.ts';

export const KEY = 'k';

/** The logs by which a story is told apart from one that went unnoticed. */
export const LOGIN_FAILED = 'login to OpenBao failed';
export const TOKEN_UNKNOWN = 'token is no longer known to OpenBao, logging in anew';
export const NOT_RENEWED = 'the token could not be renewed or replaced';

/** A customer with a key, and a folder of credentials of the process. */
export interface Place extends AsyncDisposable {
  readonly customer: Customer;
  /** Where a file of the folder is. */
  path(name: string): string;
  write(name: string, text: string): Promise<string>;
  remove(name: string): Promise<void>;
  /** Puts an empty directory there. */
  makeDirectory(name: string): Promise<void>;
  /** Writes files as kubelet does: all of a volume change at once, by a link that is replaced. */
  project(volume: string, files: Readonly<Record<string, string>>): Promise<void>;
  /** The keystore with an identity of the process; its configuration is the customer's but for `auth`. */
  open(auth: object, options?: { clock?: Clock; changes?: Record<string, unknown> }): LiveKeystore;
  /** An AppRole of its own, with its secret id in a file. */
  appRole(
    role: string,
    options?: Partial<RoleOptions> & { secretIdNumUses?: number; secretIdTtl?: string },
  ): Promise<{
    readonly roleId: string;
    readonly auth: { readonly method: string; readonly roleId: string; readonly secretId: object };
    /** Draws another secret id and puts it into the file. */
    renew(): Promise<void>;
  }>;
  /** Revokes the tokens of a login role, by their accessors; the name is what OpenBao notes with the token. */
  revokeTokensOf(role: string): Promise<number>;
}

export const file = (path: string) => ({ source: 'file', file: { path } });

export async function startPlace(): Promise<Place> {
  const [customer, folder] = await Promise.all([startCustomer(), temporaryFolder()]);
  const { bao } = customer;
  await createKey(bao, { key: KEY });
  let projections = 0;
  const place: Place = {
    customer,
    path: (name) => join(folder.path, name),
    async write(name, text) {
      const path = place.path(name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text, { mode: 0o600 });
      return path;
    },
    remove: (name) => rm(place.path(name), { recursive: true, force: true }),
    async makeDirectory(name) {
      await mkdir(place.path(name), { recursive: true });
    },
    async project(volume, files) {
      projections += 1;
      const version = `..v${projections}`;
      for (const [name, text] of Object.entries(files)) await place.write(join(volume, version, name), text);
      await symlink(version, place.path(join(volume, '..data_tmp')));
      await rename(place.path(join(volume, '..data_tmp')), place.path(join(volume, '..data')));
      for (const name of Object.keys(files)) {
        await symlink(join('..data', name), place.path(join(volume, name))).catch(() => undefined);
      }
    },
    open: (auth, { clock, changes = {} } = {}) =>
      openLiveKeystore(customer, 'approle', { changes: { ...changes, auth }, ...(clock && { clock }) }),
    async appRole(role, options = {}) {
      const { roleId, secretId } = await enableAppRole(bao, { role, policies: [CUSTOMER_ROLE], ...options });
      const path = await place.write(`${role}-secret-id`, secretId);
      return {
        roleId,
        auth: { method: 'approle', roleId, secretId: file(path) },
        async renew() {
          await place.write(`${role}-secret-id`, await drawSecretId(bao, { role }));
        },
      };
    },
    revokeTokensOf: (role) => revokeTokensOf(bao, role),
    async [Symbol.asyncDispose]() {
      await customer[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
  return place;
}

async function revokeTokensOf(bao: Customer['bao'], role: string): Promise<number> {
  const { keys } = await administer(bao, 'LIST', 'auth/token/accessors');
  let revoked = 0;
  for (const accessor of keys as string[]) {
    const answer = await bao.request('POST', 'auth/token/lookup-accessor', { accessor });
    // One that ended a moment ago is not found.
    const { meta } = (answer.body as { data?: { meta?: Record<string, string> | null } }).data ?? {};
    if (![meta?.role_name, meta?.cert_name, meta?.role].includes(role)) continue;
    await administer(bao, 'POST', 'auth/token/revoke-accessor', { accessor });
    revoked += 1;
  }
  return revoked;
}
