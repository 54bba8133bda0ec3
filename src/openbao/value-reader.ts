import { readBoundedFile } from '../config/bounded-file.ts';
import { initialEnvironment } from '../config/initial-environment.ts';
import { isReadableByOthers } from '../config/secret-file.ts';
import { readSourceRef } from '../config/source-ref.ts';
import type { Logger } from '../logging/logger.ts';
import type { ReadValue } from './auth/read-value.ts';

/** Reads values from files and the environment. A secret in a file that everybody may read is warned of, once. */
export function createValueReader(log: Logger): ReadValue {
  const warned = new Set<string>();
  const readers = {
    readFile: readBoundedFile,
    get environment() {
      return initialEnvironment();
    },
  };
  return async (ref, kind = 'public') => {
    if (kind === 'secret' && ref.source === 'file' && !warned.has(ref.file.path)) {
      if (await isReadableByOthers(ref.file.path)) {
        warned.add(ref.file.path);
        log.warn(
          { source: ref.file.path },
          'everybody on this machine may read the file of a secret: set its mode to 0600',
        );
      }
    }
    return readSourceRef(ref, readers);
  };
}
