import type { PluginConfiguration } from '../config/configuration.ts';
import type { Keystore } from '../keystore/keystore.ts';
import type { Logger } from '../logging/logger.ts';
import { TransitKeystore } from './transit-keystore.ts';
import { createValueReader } from './value-reader.ts';

/** Opens the keystore of a configuration; makes no connection. What it names is read at each login. */
export function openKeystore(configuration: PluginConfiguration, log: Logger): Keystore {
  return new TransitKeystore({ configuration, log, read: createValueReader(log) });
}
