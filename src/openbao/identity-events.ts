import { channel } from 'node:diagnostics_channel';

/** Name of the diagnostics channel. */
export const IDENTITY_CHANNEL = 'keystoreop-openbao:identity';

/** What can happen to an identity; docs/reference/events.md is made from it. */
export const IDENTITY_EVENT_KINDS = {
  login: 'a login gave a token',
  renewal: 'a renewal made the life of the token longer',
  refusal: 'OpenBao refused the credential, or locked the role',
  failure: 'a login or a renewal failed for another reason',
  recovery: 'the first token after a refusal or failure of logins',
  end: 'OpenBao no longer knew the token while it was in use',
} as const;

/** What happens in the life of a token, for whoever counts it. Names and numbers only. */
export interface IdentityEvent {
  readonly kind: keyof typeof IDENTITY_EVENT_KINDS;
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
