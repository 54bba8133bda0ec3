import { constants } from 'node:os';

/** Why a command is to stop: the reason of its signal. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  /** As shells have it. */
  readonly exitCode: number;

  constructor(signal: 'SIGHUP' | 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}
