import type { KeystoreErrorClass } from '../../keystore/errors.ts';
import type { Answer } from '../answer.ts';
import type { OpenBaoRequest } from '../client.ts';
import type { Token } from '../token.ts';

/** A request about a login. It goes to the cluster and namespace of the session and carries no token of the session. */
export type LoginRequest = Pick<OpenBaoRequest, 'verb' | 'path' | 'body' | 'token'>;

/**
 * Asks the cluster what a credential needs before it can be presented. `tries` is `repeated` for what costs nothing when it
 * is carried out twice: then failures of the connection are tried again.
 */
export type AskServer = (request: LoginRequest, tries?: 'repeated' | 'once') => Promise<Answer>;

/** What one login presents. */
export interface LoginCredential extends LoginRequest {
  /** Changes when the credential does, so that a refused one is not sent again. */
  readonly fingerprint: string;
}

/** How a login that did not succeed is to be understood. */
export interface LoginVerdict {
  readonly class: Extract<KeystoreErrorClass, 'login-refused' | 'login-locked-out'>;
  readonly message: string;
  /** What it was that OpenBao did not like, where it says so. */
  readonly cause?: 'SOURCE_ADDRESS';
  /** How long the credential rests, in milliseconds, where it is not as long as after a refusal. */
  readonly restMs?: number;
}

/** Pauses before a refused credential is sent again, in milliseconds: the first one, then doubling up to the longest. */
export interface Rest {
  readonly firstMs: number;
  readonly maxMs: number;
  /** How long after the first refusal the pauses still double; from then on each is the longest. Without end by default. */
  readonly doublingMs?: number;
  /** Whether the pause ends early when the content of the credential changes. */
  readonly untilChanged: boolean;
}

/** A way to log in. Another method is one file with one of these, and one row in `open-login-method.ts`. */
export interface LoginMethod {
  readonly name: string;
  /** Reads the credential anew. @throws KeystoreError `credential-unreadable`, `secret-unwrap-failed` */
  prepare(ask: AskServer): Promise<LoginCredential>;
  /**
   * Whether the answer refuses the credential. Only what OpenBao itself says in its own error shape, with a status and
   * text on the method's list, is a refusal; undefined means the failure has another cause.
   */
  judge(answer: Answer): LoginVerdict | undefined;
  /** How a refused credential rests. */
  readonly rest: Rest;
  /** The token of a good answer, where it is not the one of a login. */
  readToken?(answer: Answer, credential: LoginCredential, now: number): Token | undefined;
  /** Whether the token was given to us and is not ours to revoke; false by default. */
  readonly borrowed?: boolean;
}

/** For any method but AppRole: five logins in the first minute at most, and then one in five minutes. */
export const USUAL_REST: Rest = { firstMs: 5000, maxMs: 300_000, doublingMs: 60_000, untilChanged: true };
