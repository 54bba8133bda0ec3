import { readdir } from 'node:fs/promises';

import { SERVICE_NAMES, type PluginType } from '../../keystore-contract/plugin-types.ts';
import { builtPlugin } from '../support/built-plugin.ts';
import { startCustomer, type Customer } from '../support/customer.ts';
import type { CallAnswer } from '../support/go-answers.ts';
import { startCatalogHost, type Catalog, type CatalogHost } from '../support/go-catalog.ts';
import { buildGoPrograms } from '../support/go.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The plugin type that has the keys. */
export const OPERATIONS = 'KeystoreInstanceKeyOperation';
/** Time for the first build of the Go programs, in milliseconds. */
export const BUILD_MS = 600_000;
/** An address that nothing listens on. */
export const UNREACHABLE = 'https://127.0.0.1:1';

/** The pairs of code and text that CMK knows, and the status of plugin-sdk that each equals. */
export const EXACT = {
  authentication: {
    code: 'InvalidArgument',
    message: 'failed to authenticate with the keystore provider',
    is: 'ProviderAuthenticationError',
  },
  keyNotFound: { code: 'NotFound', message: 'key not found in the keystore provider', is: 'KeyNotFound' },
  getKey: { code: 'Unknown', message: 'failed to get key', is: 'KeyGenericErr' },
  accessData: { code: 'InvalidArgument', message: 'invalid key access data', is: 'InvalidKeyAccessData' },
  keyMaterial: {
    code: 'InvalidArgument',
    message: 'key material decryption failed: invalid or incorrectly wrapped key material',
  },
} as const;

export interface GetKeyResponse {
  readonly keyId: string;
  readonly algorithm: string;
  readonly status: string;
  readonly usage: string;
  readonly latestKeyVersionId: string;
  readonly latestRotationTime: string;
}

export interface KeyVersion {
  readonly versionId: string;
  readonly creationTime: string;
  readonly status: string;
}

export interface Encrypted {
  readonly ciphertext: string;
  readonly keyVersionId: string;
}

/** CMK's plugin host. */
export interface PluginStage extends AsyncDisposable {
  readonly host: CatalogHost;
  /** Loads the built executable into a catalog of its own, which is a process of its own, and demands success. */
  load(yamlConfiguration: string, type?: PluginType): Promise<Catalog>;
}

/** The same, and a customer with an OpenBao. */
export interface CatalogStage extends PluginStage {
  readonly customer: Customer;
}

/** Starts the host; its end demands that no plugin left a file behind. The first time this builds the Go programs. */
export async function setPluginStage(): Promise<PluginStage> {
  const programs = buildGoPrograms();
  const sockets = await temporaryFolder();
  const host = startCatalogHost(programs, { PATH: process.env.PATH ?? '', TMPDIR: sockets.path });
  return {
    host,
    async load(yamlConfiguration, type = OPERATIONS) {
      const catalog = host.catalog();
      const entry = { name: 'OPENBAO', type, path: builtPlugin(), logLevel: 'trace', yamlConfiguration };
      expect(await catalog.load(entry)).toMatchObject({ error: '' });
      return catalog;
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      expect(await readdir(sockets.path)).toEqual([]);
      await sockets[Symbol.asyncDispose]();
    },
  };
}

/** Starts both; see {@link setPluginStage}. */
export async function setCatalogStage(): Promise<CatalogStage> {
  const stage = await setPluginStage();
  const customer = await startCustomer();
  return {
    ...stage,
    customer,
    async [Symbol.asyncDispose]() {
      try {
        await stage[Symbol.asyncDispose]();
      } finally {
        await customer[Symbol.asyncDispose]();
      }
    },
  };
}

/** Calls an RPC of `KeystoreInstanceKeyOperation`. */
export function callOperation<Response = Record<string, unknown>>(
  catalog: Catalog,
  rpc: string,
  request?: object,
): Promise<CallAnswer<Response>> {
  return catalog.call<Response>({
    method: `${SERVICE_NAMES.keyOperation}/${rpc}`,
    ...(request === undefined ? {} : { request }),
  });
}

/** Calls an RPC of `KeystoreCryptoOperation`. */
export function callCrypto<Response = Record<string, unknown>>(
  catalog: Catalog,
  rpc: string,
  request: object,
): Promise<CallAnswer<Response>> {
  return catalog.call<Response>({ method: `${SERVICE_NAMES.cryptoOperation}/${rpc}`, request });
}
