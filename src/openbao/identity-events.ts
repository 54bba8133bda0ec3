import { channel } from 'node:diagnostics_channel';

/** Name of the diagnostics channel. */
export const IDENTITY_CHANNEL = 'keystoreop-openbao:identity';

/** What happens in the life of a token, for whoever counts it. Names and numbers only. */
export interface IdentityEvent {
  /**
   * `refusal`: OpenBao refused the credential or locked the role. `failure`: a login or renewal failed for another reason.
   * `recovery`: the first token after one of them. `end`: OpenBao no longer knew the token.
   */
  readonly kind: 'login' | 'renewal' | 'refusal' | 'failure' | 'recovery' | 'end';
  /** Name of the login method. */
  readonly method: string;
  /** Error class of a refusal or failure. */
  readonly class?: string;
  /** Life of the token from now on; Infinity for one without an end. */
  readonly secondsLeft?: number;
}

const events = channel(IDENTITY_CHANNEL);

/** Costs nothing while nobody listens. */
export function tellIdentityEvent(event: IdentityEvent): void {
  if (events.hasSubscribers) events.publish(event);
}
