import { readBoundedFile } from '../config/bounded-file.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import { initialEnvironment } from '../config/initial-environment.ts';
import { readSourceRef } from '../config/source-ref.ts';
import type { Keystore } from '../keystore/keystore.ts';
import type { Logger } from '../logging/logger.ts';
import { TransitKeystore } from './transit-keystore.ts';

/** Opens the keystore of a configuration; makes no connection. What it names is read at each login. */
export function openKeystore(configuration: PluginConfiguration, log: Logger): Keystore {
  const readers = {
    readFile: readBoundedFile,
    get environment() {
      return initialEnvironment();
    },
  };
  return new TransitKeystore({ configuration, log, read: (ref) => readSourceRef(ref, readers) });
}
