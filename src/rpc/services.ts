import type { UntypedServiceImplementation } from '@grpc/grpc-js';

import {
  PLUGIN_TYPES,
  type PluginType,
  SERVICE_DEFINITIONS,
  type ServiceKey,
} from '../../keystore-contract/plugin-types.ts';
import type { BuildInfo } from '../build-info.ts';
import type { Logger } from '../logging/logger.ts';
import type { ServiceRegistration } from '../serve/service.ts';
import { ActiveKeystore } from './active-keystore.ts';
import { createBootstrap } from './bootstrap.ts';
import { createConfig } from './config.ts';
import { createCryptoOperation } from './crypto-operation.ts';
import { createKeyOperation } from './key-operation.ts';
import { createProvider } from './provider.ts';

/** The services of a plugin type, ready to be registered. */
export interface KeystoreServices {
  readonly registrations: readonly ServiceRegistration[];
  /** Ends the keystore: sessions, tokens, timers. The signal ends the waiting. */
  close(signal?: AbortSignal): Promise<void>;
}

/** Makes the services that a plugin of this type serves, from the first moment and before any configuration. */
export function createKeystoreServices(options: {
  readonly type: PluginType;
  readonly log: Logger;
  readonly buildInfo: BuildInfo;
  /** Aborted when the process stops: calls that are still running end with UNAVAILABLE. */
  readonly stopSignal: AbortSignal;
}): KeystoreServices {
  const { type, log, buildInfo, stopSignal } = options;
  const keystore = new ActiveKeystore();
  const environment = { log, stopSignal };
  const create: Readonly<Record<ServiceKey, () => object>> = {
    bootstrap: () => createBootstrap(type, keystore, environment),
    config: () => createConfig(type, buildInfo, keystore, environment),
    keyOperation: () => createKeyOperation(keystore, environment),
    cryptoOperation: () => createCryptoOperation(keystore, environment),
    provider: () => createProvider(keystore, environment),
  };
  const served: readonly ServiceKey[] = ['bootstrap', ...PLUGIN_TYPES[type].named, ...PLUGIN_TYPES[type].unnamed];
  return {
    registrations: served.map((key) => ({
      definition: SERVICE_DEFINITIONS[key],
      implementation: create[key]() as UntypedServiceImplementation,
    })),
    close: (signal) => keystore.close(signal),
  };
}
