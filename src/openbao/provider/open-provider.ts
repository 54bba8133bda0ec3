import type { PluginConfiguration } from '../../config/configuration.ts';
import { KeystoreError } from '../../keystore/errors.ts';
import type { KeystoreProvider } from '../../keystore/keystore-provider.ts';
import type { Logger } from '../../logging/logger.ts';
import { createValueReader } from '../value-reader.ts';
import { OpenBaoProvider } from './openbao-provider.ts';

/** Opens the provider of a configuration; makes no connection. What it names is read at each use. */
export function openProvider(configuration: PluginConfiguration, log: Logger): KeystoreProvider {
  const { provider } = configuration;
  if (provider === undefined) return withoutKeystores();
  return new OpenBaoProvider({ configuration, provider, log, read: createValueReader(log) });
}

// An operator who has no use for BYOK configures no provider, and CMK loads one all the same.
function withoutKeystores(): KeystoreProvider {
  const unsupported = (): KeystoreError =>
    new KeystoreError('unsupported', 'the configuration has no provider of keystores');
  const refuse = (): Promise<never> => Promise.reject(unsupported());
  return {
    get limits(): never {
      throw unsupported();
    },
    createKeystore: refuse,
    deleteKeystore: refuse,
    grantTrust: refuse,
    removeTrust: refuse,
    findKeystore: refuse,
    quiesce: () => undefined,
    close: () => Promise.resolve(),
  };
}
