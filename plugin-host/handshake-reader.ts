import type { Readable } from 'node:stream';

import { ProtocolError, type ProtocolErrorCode } from '../plugin-protocol/errors.ts';
import { type HandshakeLine, parseHandshakeLine } from '../plugin-protocol/handshake.ts';
import { acceptVersion } from '../plugin-protocol/versions.ts';
import { PluginHostError } from './errors.ts';

const LF = 0x0a;
const MAX_LINE_BYTES = 64 * 1024;

/** A handshake the host can work with: gRPC, and with a certificate. */
export type AcceptedHandshake = HandshakeLine & { readonly protocol: 'grpc'; readonly certificateDer: Buffer };

/**
 * The first line of a plugin's stdout; at the end of the stream an unfinished line counts too. What follows is drained
 * and dropped for the rest of the stream's life. Rejects with `ERR_HANDSHAKE_MISSING`, `ERR_HANDSHAKE_FIELDS` or the
 * signal's reason.
 */
export async function readFirstLine(stdout: Readable, signal: AbortSignal): Promise<string> {
  const line = Promise.withResolvers<string>();
  const parts: Buffer[] = [];
  let held = 0;
  let lastWords: NodeJS.Timeout | undefined;

  const onData = (chunk: Buffer): void => {
    const end = chunk.indexOf(LF);
    parts.push(end === -1 ? chunk : chunk.subarray(0, end));
    held += chunk.length;
    if (end !== -1) line.resolve(Buffer.concat(parts).toString('utf8'));
    else if (held > MAX_LINE_BYTES) line.reject(tooLong());
  };
  const onEnd = (): void => {
    const text = Buffer.concat(parts).toString('utf8');
    if (text === '') line.reject(missing());
    else line.resolve(text);
  };
  const onAbort = (): void => {
    const reason = signal.reason as Error;
    const isEnd = reason instanceof PluginHostError && reason.code === 'ERR_PLUGIN_EXITED';
    if (!isEnd) line.reject(reason);
    // What the process wrote before it ended may still be on its way; a grandchild may hold the stream open.
    else lastWords = setTimeout(() => line.reject(reason), LAST_WORDS_MS);
  };

  if (signal.aborted) onAbort();
  // Node tells the end of an empty stream even while nobody reads it.
  if (stdout.readableEnded) onEnd();
  signal.addEventListener('abort', onAbort, { once: true });
  stdout.on('data', onData).on('end', onEnd);
  try {
    return await line.promise;
  } finally {
    clearTimeout(lastWords);
    signal.removeEventListener('abort', onAbort);
    stdout.off('data', onData).off('end', onEnd).resume();
  }
}

/** How long the end of the output is waited for when the process has ended, in milliseconds. */
const LAST_WORDS_MS = 200;

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
