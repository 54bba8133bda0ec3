import type { KeystoreCall } from '../keystore/call.ts';
import type { Logger } from '../logging/logger.ts';
import type { Clock } from './clock.ts';
import type { TransitSession } from './transit-session.ts';

/** A call that has its session and its turn. */
export interface Turn {
  readonly call: KeystoreCall;
  readonly session: TransitSession;
  readonly namespace: string;
  readonly mount: string;
  readonly stateMount: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}
