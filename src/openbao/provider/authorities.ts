import { X509Certificate } from 'node:crypto';

import type { SourceRef } from '../../config/source-ref.ts';
import { KeystoreError } from '../../keystore/errors.ts';
import { type ReadValue, readCredential } from '../auth/read-value.ts';

const CERTIFICATE_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Reads the authorities that granted roles trust. A certificate that is no authority is refused: OpenBao would take it for
 * the one client that may come.
 *
 * @throws KeystoreError `credential-unreadable`
 */
export async function readAuthorities(read: ReadValue, ref: SourceRef): Promise<string> {
  const blocks = (await readCredential(read, ref)).match(CERTIFICATE_BLOCK) ?? [];
  if (blocks.length === 0) throw unreadable('CA_WITHOUT_CERTIFICATE');
  if (!blocks.every(isAuthority)) throw unreadable('CA_NOT_AN_AUTHORITY');
  return blocks.map((block) => `${block}\n`).join('');
}

function isAuthority(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}

function unreadable(cause: string): KeystoreError {
  return new KeystoreError('credential-unreadable', 'the authorities of the provider cannot be used', { cause });
}
