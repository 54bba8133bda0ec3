import type { UntypedServiceImplementation } from '@grpc/grpc-js';

import {
  PLUGIN_TYPES,
  type PluginType,
  SERVICE_DEFINITIONS,
  type ServiceKey,
} from '../../keystore-contract/plugin-types.ts';
import type { BuildInfo } from '../build-info.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import type { Keystore } from '../keystore/keystore.ts';
import type { KeystoreProvider } from '../keystore/keystore-provider.ts';
import type { Logger } from '../logging/logger.ts';
import type { ServiceRegistration } from '../serve/service.ts';
import { Audit, type AuditSwitch } from './audit.ts';
import { ActiveKeystore, type Ending } from './active-keystore.ts';
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

/** Opens the keystore of a configuration; makes no connection. */
export type OpenKeystore = (configuration: PluginConfiguration, log: Logger) => Promise<Keystore>;

type Open = (configuration: PluginConfiguration) => Promise<void>;

/** Makes the services that a plugin of this type serves, from the first moment and before any configuration. */
export function createKeystoreServices(options: {
  readonly type: PluginType;
  readonly log: Logger;
  readonly buildInfo: BuildInfo;
  /** Aborted when the process stops: calls that are still running end with UNAVAILABLE. */
  readonly stopSignal: AbortSignal;
  /** Another keystore than the one on OpenBao. */
  readonly openKeystore?: OpenKeystore;
}): KeystoreServices {
  const { type, log, buildInfo, stopSignal, openKeystore = openOnOpenBao } = options;
  const keystore = new ActiveKeystore<Keystore>();
  const provider = new ActiveKeystore<KeystoreProvider>();
  const audit: AuditSwitch = { current: undefined };
  const environment = { log, stopSignal, audit };
  const kinds: Readonly<Record<PluginType, { readonly active: ActiveKeystore<Ending>; readonly open: Open }>> = {
    KeystoreInstanceKeyOperation: {
      active: keystore,
      open: async (configuration) => keystore.replace(await openKeystore(configuration, log)),
    },
    KeystoreProvider: {
      active: provider,
      async open(configuration) {
        const { openProvider } = await import('../openbao/provider/open-provider.ts');
        provider.replace(openProvider(configuration, log));
      },
    },
  };
  const { active, open } = kinds[type];
  const openAudited: Open = async (configuration) => {
    await open(configuration);
    audit.current = Audit.of(configuration.audit);
  };
  const create: Readonly<Record<ServiceKey, () => object>> = {
    bootstrap: () => createBootstrap(type, active, environment),
    config: () => createConfig(type, buildInfo, environment, openAudited),
    keyOperation: () => createKeyOperation(keystore, environment),
    cryptoOperation: () => createCryptoOperation(keystore, environment),
    provider: () => createProvider(provider, environment),
  };
  const served: readonly ServiceKey[] = ['bootstrap', ...PLUGIN_TYPES[type].named, ...PLUGIN_TYPES[type].unnamed];
  return {
    registrations: served.map((key) => ({
      definition: SERVICE_DEFINITIONS[key],
      implementation: create[key]() as UntypedServiceImplementation,
    })),
    close: (signal) => active.close(signal),
  };
}

// Nothing of it is needed to start, so it is loaded with the first configuration: the handshake does not wait for it.
async function openOnOpenBao(configuration: PluginConfiguration, log: Logger): Promise<Keystore> {
  const { openKeystore } = await import('../openbao/open-keystore.ts');
  return openKeystore(configuration, log);
}
