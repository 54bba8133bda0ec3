import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

import { z } from 'zod';

import { isNothingHere, malformedAnswer, toKeystoreError } from '../errors.ts';
import { KeystoreError } from '../../keystore/errors.ts';
import type { ImportParameters } from '../../keystore/key-lifecycle.ts';
import { type Answer, answerData } from '../answer.ts';
import { wrappingKeyPath } from '../paths.ts';
import type { Turn } from '../turn.ts';

/** How long parameters are good for, in milliseconds. */
export const VALIDITY_MS = 24 * 60 * 60 * 1000;

const paramsSchema = z.strictObject({
  version: z.literal(1),
  keyId: z.string(),
  mount: z.string(),
  namespace: z.string(),
  /** SHA-256 of the wrapping key's SubjectPublicKeyInfo. */
  wrappingKey: z.string(),
  hash: z.literal('SHA256'),
  expires: z.iso.datetime(),
});

type ProviderParams = z.output<typeof paramsSchema>;

/** Makes the parameters for one import. They are not signed: processes share no secret, so CMK's database keeps them. */
export async function makeImportParameters(turn: Turn, keyId: string): Promise<ImportParameters> {
  const key = await readWrappingKey(turn);
  const validTo = new Date(Date.now() + VALIDITY_MS);
  const params: ProviderParams = {
    version: 1,
    keyId,
    mount: turn.mount,
    namespace: turn.namespace,
    wrappingKey: fingerprint(key),
    hash: 'SHA256',
    expires: validTo.toISOString(),
  };
  return {
    wrappingKeyPem: key.export({ type: 'spki', format: 'pem' }),
    wrappingAlgorithm: 'CKM_RSA_AES_KEY_WRAP',
    hashFunction: 'SHA256',
    providerParams: JSON.stringify(params),
    validTo,
  };
}

/**
 * Checks parameters that came back against the call and the wrapping key as it is now.
 *
 * @throws KeystoreError `import-parameters-rejected`
 */
export async function checkImportParameters(turn: Turn, keyId: string, text: string): Promise<void> {
  const params = parseParams(text);
  const { mount, namespace } = turn;
  if (params.keyId !== keyId) throw rejected('belong to another key');
  if (params.mount !== mount || params.namespace !== namespace) throw rejected('belong to another place');
  if (Date.parse(params.expires) <= Date.now()) throw rejected('have expired');
  if (params.wrappingKey !== fingerprint(await readWrappingKey(turn))) throw rejected('belong to another wrapping key');
}

function parseParams(text: string): ProviderParams {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw rejected('were not issued here');
  }
  const parsed = paramsSchema.safeParse(value);
  // Only the very text that was issued: nothing is made of a second spelling of it.
  if (!parsed.success || JSON.stringify(parsed.data) !== text) throw rejected('were not issued here');
  return parsed.data;
}

function rejected(why: string): KeystoreError {
  return new KeystoreError('import-parameters-rejected', `the import parameters ${why}`);
}

// The first question makes the key, on the active node.
async function readWrappingKey({ call, mount, session }: Turn): Promise<KeyObject> {
  const path = wrappingKeyPath(mount);
  const context = { policyPath: path, capability: 'read' };
  const answer = await session.readOnActive(call, path, context);
  if (answer.status !== 200) {
    if (isNothingHere(answer)) throw new KeystoreError('mount-not-found', 'the mount is no Transit mount');
    throw toKeystoreError(answer, context);
  }
  return publicKey(answer);
}

function publicKey(answer: Answer): KeyObject {
  const pem = answerData(answer)?.public_key;
  if (typeof pem !== 'string') throw malformedAnswer();
  try {
    return createPublicKey(pem);
  } catch {
    throw malformedAnswer();
  }
}

function fingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}
