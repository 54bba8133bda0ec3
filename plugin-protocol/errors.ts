/** What a peer broke, one code per rule. */
export type ProtocolErrorCode =
  | 'ERR_HANDSHAKE_FIELDS'
  | 'ERR_CORE_VERSION_FORMAT'
  | 'ERR_CORE_VERSION'
  | 'ERR_APP_VERSION_FORMAT'
  | 'ERR_APP_VERSION'
  | 'ERR_NETWORK'
  | 'ERR_ADDRESS'
  | 'ERR_PROTOCOL'
  | 'ERR_CERTIFICATE'
  | 'ERR_MULTIPLEXING'
  | 'ERR_ENVIRONMENT';

/** A breach of go-plugin's protocol. The message is safe to show: it may quote what the peer sent, never a key. */
export class ProtocolError extends Error {
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string) {
    super(message);
    this.name = 'ProtocolError';
    this.code = code;
  }
}
