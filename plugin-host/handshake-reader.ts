import { ProtocolError, type ProtocolErrorCode } from '../plugin-protocol/errors.ts';
import { type HandshakeLine, parseHandshakeLine } from '../plugin-protocol/handshake.ts';
import { acceptVersion } from '../plugin-protocol/versions.ts';
import { PluginHostError } from './errors.ts';

const LF = 0x0a;
const MAX_LINE_BYTES = 64 * 1024;

/** A handshake the host can work with: gRPC, and with a certificate. */
export type AcceptedHandshake = HandshakeLine & { readonly protocol: 'grpc'; readonly certificateDer: Buffer };

/** Takes a plugin's stdout from its first byte to its end, keeps the first line and drops the rest. */
export class FirstLine {
  readonly #line = Promise.withResolvers<string>();
  #parts: Buffer[] = [];
  #held = 0;
  #isKept = false;

  constructor() {
    // The end may come before anybody waits.
    this.#line.promise.catch(() => undefined);
  }

  write(chunk: Buffer): void {
    if (this.#isKept) return;
    const end = chunk.indexOf(LF);
    this.#parts.push(end === -1 ? chunk : chunk.subarray(0, end));
    this.#held += chunk.length;
    if (end !== -1) this.#keep((text) => this.#line.resolve(text));
    else if (this.#held > MAX_LINE_BYTES) this.#keep(() => this.#line.reject(tooLong()));
  }

  /** An unfinished line counts too. */
  end(): void {
    if (this.#isKept) return;
    this.#keep((text) => {
      if (text === '') this.#line.reject(missing());
      else this.#line.resolve(text);
    });
  }

  /** Rejects with `ERR_HANDSHAKE_MISSING`, `ERR_HANDSHAKE_FIELDS` or, when it has no line by then, the signal's reason. */
  async read(signal: AbortSignal): Promise<string> {
    const onAbort = (): void => this.#line.reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await this.#line.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #keep(settle: (text: string) => void): void {
    this.#isKept = true;
    settle(Buffer.concat(this.#parts).toString('utf8'));
    this.#parts = [];
  }
}

function tooLong(): PluginHostError {
  return new PluginHostError(
    'ERR_HANDSHAKE_FIELDS',
    `unrecognized remote plugin message: the first line is longer than ${MAX_LINE_BYTES} bytes`,
  );
}

function missing(): PluginHostError {
  return new PluginHostError('ERR_HANDSHAKE_MISSING', "failed to read any lines from plugin's stdout");
}

const FIELDS: Readonly<Partial<Record<ProtocolErrorCode, string>>> = {
  ERR_HANDSHAKE_FIELDS: 'line',
  ERR_CORE_VERSION_FORMAT: 'core protocol version',
  ERR_CORE_VERSION: 'core protocol version',
  ERR_APP_VERSION_FORMAT: 'application protocol version',
  ERR_APP_VERSION: 'application protocol version',
  ERR_NETWORK: 'network',
  ERR_ADDRESS: 'address',
  ERR_PROTOCOL: 'protocol',
  ERR_CERTIFICATE: 'certificate',
  ERR_MULTIPLEXING: 'multiplexing',
};

/** Judges the line, the host's own wishes included. Throws with one code per field. */
export function acceptHandshake(text: string, protocolVersions: readonly number[]): AcceptedHandshake {
  const line = translated(() => {
    const parsed = parseHandshakeLine(text);
    acceptVersion(protocolVersions, parsed.appVersion);
    return parsed;
  });
  const { protocol, certificateDer } = line;
  if (protocol !== 'grpc') {
    throw new PluginHostError('ERR_PROTOCOL', `unsupported plugin protocol "${protocol}". Supported: [grpc]`, {
      handshakeField: 'protocol',
    });
  }
  if (certificateDer === undefined) {
    throw new PluginHostError(
      'ERR_CERTIFICATE_MISSING',
      'the plugin announced no certificate although mutual TLS was asked for; it must serve with AutoMTLS',
      { handshakeField: 'certificate' },
    );
  }
  return { ...line, protocol, certificateDer };
}

function translated<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code === 'ERR_ENVIRONMENT') throw error;
    const handshakeField = FIELDS[error.code];
    throw new PluginHostError(error.code, error.message, { ...(handshakeField !== undefined && { handshakeField }) });
  }
}
