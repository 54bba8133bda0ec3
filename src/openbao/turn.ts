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
  /** Whether a state mount that cannot be seen means no more than that this place keeps none. */
  readonly stateMountMayBeMissing: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}
