import type { ServiceDefinition } from '@grpc/grpc-js';

import { KeystoreInstanceCryptoOperationService } from '../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import { KeystoreProviderService } from '../proto/gen/plugin/keystore/management/v1/management.ts';
import { KeystoreInstanceKeyOperationService } from '../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { ConfigService } from '../proto/gen/service/common/config/v1/config.ts';
import { BootstrapService } from '../proto/gen/service/init/v1/init.ts';

/** Full names of the services of the contract, as `Init` answers and reflection list them. */
export const SERVICE_NAMES = {
  bootstrap: 'service.init.v1.Bootstrap',
  config: 'service.common.config.v1.Config',
  keyOperation: 'plugin.keystore.operations.v1.KeystoreInstanceKeyOperation',
  cryptoOperation: 'plugin.keystore.crypto.v1.KeystoreInstanceCryptoOperation',
  provider: 'plugin.keystore.management.v1.KeystoreProvider',
} as const;

/** Name of a service in {@link SERVICE_NAMES}. */
export type ServiceKey = keyof typeof SERVICE_NAMES;

/** The generated definition of each service of the contract. */
export const SERVICE_DEFINITIONS = {
  bootstrap: BootstrapService,
  config: ConfigService,
  keyOperation: KeystoreInstanceKeyOperationService,
  cryptoOperation: KeystoreInstanceCryptoOperationService,
  provider: KeystoreProviderService,
} as const satisfies Record<ServiceKey, ServiceDefinition>;

/**
 * One row per plugin type. The type string is also name and value of the magic cookie (plugin-sdk's rule).
 *
 * `named` are the services that `Init` answers, in order. `unnamed` are registered all the same: the Go catalog warns of
 * every service that it has no facade for, and a host that knows such a service simply calls it.
 */
export const PLUGIN_TYPES = {
  KeystoreInstanceKeyOperation: { named: ['keyOperation', 'config'], unnamed: ['cryptoOperation'] },
  KeystoreProvider: { named: ['provider', 'config'], unnamed: [] },
} as const satisfies Record<string, { named: readonly ServiceKey[]; unnamed: readonly ServiceKey[] }>;

/** A plugin type that OpenKCM's catalog can ask for. */
export type PluginType = keyof typeof PLUGIN_TYPES;

/** The application protocol version that plugin-sdk negotiates. */
export const PLUGIN_PROTOCOL_VERSION = 1;

/** What `Bootstrap.Init` of a plugin of this type answers. */
export function initServiceNames(type: PluginType): string[] {
  return PLUGIN_TYPES[type].named.map((key) => SERVICE_NAMES[key]);
}
