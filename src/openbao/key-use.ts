import { randomBytes } from 'node:crypto';

import { parseCiphertext } from '../../keystore-contract/ciphertext.ts';
import { KeystoreError, type KeystoreErrorClass } from '../keystore/errors.ts';
import type { DecryptInput, DecryptOutput, EncryptInput, EncryptOutput, RewrapInput } from '../keystore/keystore.ts';
import { describeKey } from './describe-key.ts';
import { malformedAnswer } from './errors.ts';
import type { Turn } from './turn.ts';

/** See `Keystore.encrypt`. */
export async function encrypt(turn: Turn, input: EncryptInput): Promise<EncryptOutput> {
  const { call, session, mount } = turn;
  const item = {
    plaintext: input.plaintext.toString('base64'),
    ...associatedData(input.associatedData),
    ...(input.keyVersion === undefined ? {} : { key_version: input.keyVersion }),
  };
  try {
    return readEncrypted(await session.operate(call, 'encrypt', mount, input.keyId, item), input.keyVersion);
  } catch (error) {
    // For a token that may not create, OpenBao answers an encrypt on a missing key with a denial, and a look at a missing
    // mount is denied to every token.
    if (isOf(error, 'permission-denied')) await rejectIfMissing(turn, input.keyId);
    throw error;
  }
}

async function rejectIfMissing(turn: Turn, keyId: string): Promise<void> {
  try {
    await requireLive(turn, keyId);
  } catch (error) {
    if (error instanceof KeystoreError && MISSING.has(error.class)) throw error;
  }
}

const MISSING: ReadonlySet<KeystoreErrorClass> = new Set(['key-not-found', 'key-pending-import', 'mount-not-found']);

async function requireLive(turn: Turn, keyId: string): Promise<void> {
  const key = await describeKey(turn, keyId);
  if (key.state === 'PENDING_IMPORT') throw new KeystoreError('key-pending-import', 'the key has no material yet');
}

// A standby that lags does not know a new or restored key. Whether it is missing, the active node says.
async function unlessMissing<T>(turn: Turn, keyId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isOf(error, 'key-not-found')) throw error;
    await requireLive(turn, keyId);
    return work();
  }
}

function isOf(error: unknown, errorClass: KeystoreErrorClass): boolean {
  return error instanceof KeystoreError && error.class === errorClass;
}

/** See `Keystore.decrypt`. */
export async function decrypt(turn: Turn, input: DecryptInput): Promise<DecryptOutput> {
  const { call, session, mount } = turn;
  const { keyVersion, text } = readCiphertext(input.ciphertext);
  const item = { ciphertext: text, ...associatedData(input.associatedData) };
  const { plaintext } = await unlessMissing(turn, input.keyId, () =>
    session.operate(call, 'decrypt', mount, input.keyId, item),
  );
  if (typeof plaintext !== 'string') throw malformedAnswer();
  return { plaintext: decodeBase64(plaintext), keyVersion };
}

/** See `Keystore.rewrap`. */
export async function rewrap(turn: Turn, input: RewrapInput): Promise<EncryptOutput> {
  const { call, session, mount } = turn;
  if (!isBound(input.associatedData) && input.newAssociatedData === undefined) {
    const item = { ciphertext: readCiphertext(input.ciphertext).text };
    const rewrapped = await unlessMissing(turn, input.keyId, () =>
      session.operate(call, 'rewrap', mount, input.keyId, item),
    );
    return readEncrypted(rewrapped);
  }
  // Transit's rewrap knows no associated data, so the plaintext passes through here.
  const { plaintext } = await decrypt(turn, input);
  try {
    const bound = input.newAssociatedData ?? input.associatedData;
    return await encrypt(turn, {
      keyId: input.keyId,
      plaintext,
      ...(bound === undefined ? {} : { associatedData: bound }),
    });
  } finally {
    plaintext.fill(0);
  }
}

/** Encrypts and decrypts with the test key, or where there is none proves that the identity can log in. */
export async function proveTestKey(turn: Turn, testKey: string | undefined): Promise<void> {
  if (testKey === undefined) {
    await turn.session.ready(turn.call.signal);
    return;
  }
  const plaintext = randomBytes(32);
  const { ciphertext } = await encrypt(turn, { keyId: testKey, plaintext });
  const { plaintext: back } = await decrypt(turn, { keyId: testKey, ciphertext });
  if (!plaintext.equals(back)) throw malformedAnswer();
}

function readCiphertext(bytes: Buffer): { readonly keyVersion: number; readonly text: string } {
  const ciphertext = parseCiphertext(bytes);
  if (ciphertext === undefined) throw new KeystoreError('invalid-ciphertext', 'the ciphertext is malformed');
  return ciphertext;
}

// The version in the answer, the one in the text and the one asked for must agree.
function readEncrypted(data: Readonly<Record<string, unknown>>, asked?: number): EncryptOutput {
  const { ciphertext: text, key_version: keyVersion } = data;
  if (typeof text !== 'string' || typeof keyVersion !== 'number') throw malformedAnswer();
  const ciphertext = Buffer.from(text, 'latin1');
  if (parseCiphertext(ciphertext)?.keyVersion !== keyVersion) throw malformedAnswer();
  if (asked !== undefined && asked !== keyVersion) throw malformedAnswer();
  return { ciphertext, keyVersion };
}

// A buffer of its own, outside the shared pool, so that it can be wiped.
function decodeBase64(text: string): Buffer {
  const buffer = Buffer.allocUnsafeSlow(Buffer.byteLength(text, 'base64'));
  const length = buffer.write(text, 'base64');
  if (length !== buffer.length) throw malformedAnswer();
  return buffer;
}

// Transit takes empty associated data as none.
function isBound(bytes: Buffer | undefined): bytes is Buffer {
  return bytes !== undefined && bytes.length > 0;
}

function associatedData(bytes: Buffer | undefined): { associated_data?: string } {
  return isBound(bytes) ? { associated_data: bytes.toString('base64') } : {};
}
