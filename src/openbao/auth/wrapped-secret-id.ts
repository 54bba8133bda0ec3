import { LRUCache } from 'lru-cache';

import type { SourceRef } from '../../config/source-ref.ts';
import { Secret } from '../../config/secret.ts';
import { KeystoreError } from '../../keystore/errors.ts';
import { type Answer, answerData, answerErrors } from '../answer.ts';
import { toKeystoreError } from '../errors.ts';
import { WRAPPING_LOOKUP } from '../paths.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { AskServer } from './login-method.ts';
import { type ReadValue, readCredential } from './read-value.ts';

const UNWRAP = 'sys/wrapping/unwrap';

// The process is handed a secret id once, and may be configured again with the same file: what a token gave away is kept
// beyond the configuration that read it.
const MAX_HANDED_OVER = 8;
const handedOver = new LRUCache<string, Promise<Secret>>({ max: MAX_HANDED_OVER });

/**
 * A secret id behind a response-wrapping token, which gives it away once: to one process, and not again after a restart.
 * What was unwrapped is kept in the memory of the process.
 */
export class WrappedSecretId {
  readonly #options: { readonly token: SourceRef; readonly creationPath: string; readonly read: ReadValue };
  #failed: { readonly fingerprint: string; readonly error: KeystoreError } | undefined;

  /** `creationPath` is where an honest token was made: `auth/<mount>/role/<role>/secret-id`. */
  constructor(options: { readonly token: SourceRef; readonly creationPath: string; readonly read: ReadValue }) {
    this.#options = options;
  }

  /**
   * @throws KeystoreError `credential-unreadable`; `secret-unwrap-failed`, for good as long as the file holds this token; what
   * keeps OpenBao from answering.
   */
  async secretId(ask: AskServer): Promise<string> {
    const token = await readCredential(this.#options.read, this.#options.token);
    const fingerprint = fingerprintOf(token, this.#options.creationPath);
    if (this.#failed?.fingerprint === fingerprint) throw this.#failed.error;
    try {
      return (await handOver(fingerprint, () => this.#unwrap(token, ask))).reveal();
    } catch (error) {
      const final = error instanceof KeystoreError && error.class === 'secret-unwrap-failed';
      if (final) this.#failed = { fingerprint, error };
      throw error;
    }
  }

  async #unwrap(token: string, ask: AskServer): Promise<Secret> {
    await this.#inspect(token, ask);
    return new Secret(await unwrap(token, ask));
  }

  // A look does not use the token up, and shows a token of another endpoint for what it is.
  async #inspect(token: string, ask: AskServer): Promise<void> {
    const answer = await ask({ verb: 'write', path: WRAPPING_LOOKUP, body: { token } }, 'repeated');
    if (isUsedUp(answer)) throw failed('the wrapping token was used already, has expired or never existed');
    if (answer.status !== 200) throw toKeystoreError(answer);
    if (answerData(answer)?.creation_path !== this.#options.creationPath) {
      throw failed('the wrapping token wraps something else than a secret id of the role');
    }
  }
}

/** One unwrapping for all who ask at the same time, and none for those who ask later. */
function handOver(fingerprint: string, unwrapOnce: () => Promise<Secret>): Promise<Secret> {
  const known = handedOver.get(fingerprint);
  if (known !== undefined) return known;
  const handing = unwrapOnce();
  handedOver.set(fingerprint, handing);
  handing.catch(() => handedOver.delete(fingerprint));
  return handing;
}

async function unwrap(token: string, ask: AskServer): Promise<string> {
  const answer = await ask({ verb: 'write', path: UNWRAP, body: {}, token });
  if (isUsedUp(answer)) throw failed('the wrapping token was used by somebody else a moment ago');
  const secretId = answer.status === 200 ? answerData(answer)?.secret_id : undefined;
  if (typeof secretId === 'string' && secretId !== '') return secretId;
  if (answer.status === 200) throw failed('the wrapping token wraps no secret id');
  throw toKeystoreError(answer);
}

function isUsedUp(answer: Answer): boolean {
  return (
    answer.status === 400 && answerErrors(answer)?.some((text) => text.includes('wrapping token is not valid')) === true
  );
}

function failed(message: string): KeystoreError {
  return new KeystoreError('secret-unwrap-failed', message);
}
