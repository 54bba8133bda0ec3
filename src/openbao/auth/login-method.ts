import type { Answer } from '../answer.ts';
import type { KeystoreErrorClass } from '../../keystore/errors.ts';

/** What one login presents. */
export interface LoginCredential {
  /** Below `/v1/`. */
  readonly path: string;
  readonly body: object;
  /** Changes when the credential does, so that a refused one is not sent again. */
  readonly fingerprint: string;
}

/** How a login that did not succeed is to be understood. */
export interface LoginVerdict {
  readonly class: Extract<KeystoreErrorClass, 'login-refused' | 'login-locked-out'>;
  readonly message: string;
}

/** A way to log in. Another method is one file with one of these, and one row where sessions are opened. */
export interface LoginMethod {
  readonly name: string;
  /** Reads the credential anew. @throws KeystoreError `credential-unreadable` */
  prepare(): Promise<LoginCredential>;
  /**
   * Whether the answer refuses the credential. Only what OpenBao itself says in its own error shape, with a status and
   * text on the method's list, is a refusal; undefined means the failure has another cause.
   */
  judge(answer: Answer): LoginVerdict | undefined;
  /**
   * How long a refused credential rests, in milliseconds. `untilChanged` ends the rest early when its content changes:
   * AppRole counts failures and locks the role for every replica.
   */
  readonly rest: { readonly firstMs: number; readonly maxMs: number; readonly untilChanged: boolean };
}
