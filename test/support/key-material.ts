import { createPublicKey, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { wrapUnderEphemeralKey } from '../../keystore-contract/conformance/key-material.ts';
import { openssl } from './openssl.ts';

// AES-KWP (RFC 5649).
const WRAP_CIPHER = 'id-aes256-wrap-pad';
const WRAP_IV = 'A65959A6';

export {
  decryptLocally as decryptOutside,
  encryptLocally as encryptOutside,
} from '../../keystore-contract/conformance/local-ciphertext.ts';

/** Wraps material as `CKM_RSA_AES_KEY_WRAP` does; `hash` is that of OAEP. Answers standard base64. */
export function wrapKeyMaterial(publicKeyPem: string, material: Buffer, hash = 'sha256'): string {
  return wrapUnderEphemeralKey(createPublicKey(publicKeyPem), hash, material).toString('base64');
}

/** The same, as a tenant does it: with OpenSSL's command, and files. */
export async function wrapWithOpenssl(publicKeyPem: string, material: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'wrap-'));
  const file = (name: string): string => join(folder, name);
  try {
    const ephemeral = randomBytes(32);
    await Promise.all([
      writeFile(file('wrapping-key.pem'), publicKeyPem),
      writeFile(file('material'), material),
      writeFile(file('ephemeral'), ephemeral),
    ]);
    const [key, iv] = [ephemeral.toString('hex'), WRAP_IV];
    await openssl('enc', `-${WRAP_CIPHER}`, '-e', '-K', key, '-iv', iv, '-in', file('material'), '-out', file('kwp'));
    const oaep = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', 'rsa_mgf1_md:sha256'].flatMap((o) => ['-pkeyopt', o]);
    const pkeyutl = ['pkeyutl', '-encrypt', '-pubin', '-inkey', file('wrapping-key.pem'), '-in', file('ephemeral')];
    await openssl(...pkeyutl, ...oaep, '-out', file('rsa'));
    return Buffer.concat([await readFile(file('rsa')), await readFile(file('kwp'))]).toString('base64');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
