import { ProtocolError, type ProtocolErrorCode } from '../../plugin-protocol/errors.ts';

/** The code and message of the ProtocolError that an action throws, undefined when it throws none. */
export function protocolErrorOf(action: () => unknown): { code: ProtocolErrorCode; message: string } | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { code: error.code, message: error.message };
  }
}
