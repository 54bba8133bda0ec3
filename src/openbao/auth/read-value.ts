import { type SourceRef, SourceRefError } from '../../config/source-ref.ts';
import { KeystoreError, type KeystoreErrorDetails } from '../../keystore/errors.ts';

/** Reads a value named by the configuration; of one that is a secret it also looks who else may read the file. */
export type ReadValue = (ref: SourceRef, kind?: 'secret' | 'public') => Promise<{ reveal(): string }>;

/**
 * Reads a part of a credential; `public` for one that is no secret, such as a certificate.
 *
 * @throws KeystoreError `credential-unreadable`, which tells where it was looked for and never what was found.
 */
export async function readCredential(
  read: ReadValue,
  ref: SourceRef,
  kind: 'secret' | 'public' = 'secret',
): Promise<string> {
  try {
    return (await read(ref, kind)).reveal();
  } catch (error) {
    throw new KeystoreError(
      'credential-unreadable',
      'the credential of the plugin cannot be read',
      whyUnreadable(error),
    );
  }
}

/** What may be told of a value that cannot be had; see `SourceRefError`. */
export function whyUnreadable(error: unknown): KeystoreErrorDetails {
  return error instanceof SourceRefError ? { cause: error.reason, source: error.message } : { cause: 'unreadable' };
}
