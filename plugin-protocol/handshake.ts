// The first line on a plugin's stdout:
//   core "|" app "|" network "|" address "|" protocol "|" certificate [ "|" multiplexing ] LF
import { X509Certificate } from 'node:crypto';

import { ProtocolError } from './errors.ts';
import { parseInteger } from './versions.ts';

export const CORE_PROTOCOL_VERSION = 1;

/** The reference host takes a certificate field of this length or less for an empty one. */
const IGNORED_CERTIFICATE_LENGTH = 50;

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'False', 'FALSE'].map((text) => [text, false] as const),
]);

/** Where one end listens. */
export interface NetworkAddress {
  readonly network: 'unix' | 'tcp';
  /** A socket path, or host and port. */
  readonly address: string;
}

export interface HandshakeLine extends NetworkAddress {
  readonly appVersion: number;
  readonly protocol: 'grpc' | 'netrpc';
  /** The certificate the plugin serves with. */
  readonly certificateDer?: Buffer;
  /** Present only when the line has a seventh field, which a plugin prints only when it was asked. */
  readonly multiplexing?: boolean;
}

/** The line, with its line feed. Throws `ERR_ADDRESS` on an address the line cannot carry. */
export function formatHandshakeLine(line: HandshakeLine): string {
  if (/[|\r\n\0]/.test(line.address) || line.address === '') {
    throw new ProtocolError('ERR_ADDRESS', `the handshake line cannot carry the address ${quote(line.address)}`);
  }
  if (!Number.isSafeInteger(line.appVersion)) {
    throw new ProtocolError('ERR_APP_VERSION_FORMAT', 'the application protocol version must be an integer');
  }
  const fields = [
    String(CORE_PROTOCOL_VERSION),
    String(line.appVersion),
    line.network,
    line.address,
    line.protocol,
    toRawBase64(line.certificateDer),
    ...(line.multiplexing === undefined ? [] : [String(line.multiplexing)]),
  ];
  return `${fields.join('|')}\n`;
}

/**
 * Judges the line in the reference host's order and with its texts. Which versions, protocols and certificates the host
 * wants is its own matter. Throws `ProtocolError` with the code of the first field that is wrong.
 */
export function parseHandshakeLine(text: string): HandshakeLine {
  const line = text.trim();
  const [core, app, network, address, protocol = 'netrpc', certificate = '', multiplexing] = line.split('|');
  if (core === undefined || app === undefined || network === undefined || address === undefined) {
    throw new ProtocolError('ERR_HANDSHAKE_FIELDS', `unrecognized remote plugin message: ${quote(line)}`);
  }
  parseCoreVersion(core);
  const appVersion = parseInteger(app);
  if (appVersion === undefined) {
    throw new ProtocolError('ERR_APP_VERSION_FORMAT', `error parsing protocol version ${quote(app)}`);
  }
  const place = parseNetworkAddress(network, address);
  if (protocol !== 'grpc' && protocol !== 'netrpc') {
    throw new ProtocolError('ERR_PROTOCOL', `unsupported plugin protocol ${quote(protocol)}`);
  }
  const certificateDer = parseCertificate(certificate);
  return {
    appVersion,
    ...place,
    protocol,
    ...(certificateDer && { certificateDer }),
    ...(multiplexing !== undefined && { multiplexing: parseMultiplexing(multiplexing) }),
  };
}

function parseCoreVersion(text: string): void {
  const version = parseInteger(text);
  if (version === undefined) {
    throw new ProtocolError('ERR_CORE_VERSION_FORMAT', `error parsing core protocol version ${quote(text)}`);
  }
  if (version !== CORE_PROTOCOL_VERSION) {
    throw new ProtocolError(
      'ERR_CORE_VERSION',
      `incompatible core API version with plugin. Plugin version: ${version}, Core version: ${CORE_PROTOCOL_VERSION}`,
    );
  }
}

/** Throws `ERR_NETWORK` or `ERR_ADDRESS`. Whether anybody listens there is not looked at. */
export function parseNetworkAddress(network: string, address: string): NetworkAddress {
  if (network !== 'unix' && network !== 'tcp') {
    throw new ProtocolError('ERR_NETWORK', `unknown address type ${quote(network)} of address ${quote(address)}`);
  }
  if (network === 'unix') {
    if (address === '' || address.includes('\0')) throw new ProtocolError('ERR_ADDRESS', 'empty socket path');
    return { network, address };
  }
  const port = /^(?:\[[^[\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(address)?.[1];
  if (port === undefined || Number(port) > 65_535) {
    throw new ProtocolError('ERR_ADDRESS', `address ${quote(address)} is not host:port`);
  }
  return { network, address };
}

function toRawBase64(der: Buffer | undefined): string {
  return der === undefined ? '' : der.toString('base64').replace(/=+$/, '');
}

function parseCertificate(field: string): Buffer | undefined {
  if (field.length <= IGNORED_CERTIFICATE_LENGTH) return undefined;
  // Buffer.from takes any alphabet and drops what it does not know, so the text is judged first.
  if (!/^[A-Za-z0-9+/]+$/.test(field) || field.length % 4 === 1) {
    throw new ProtocolError('ERR_CERTIFICATE', 'error parsing server cert: illegal base64 data');
  }
  const der = Buffer.from(field, 'base64');
  try {
    // Equal to the input only when that was one certificate in DER: PEM text and trailing bytes are read as well.
    if (new X509Certificate(der).raw.equals(der)) return der;
  } catch {
    // The text below says it.
  }
  throw new ProtocolError('ERR_CERTIFICATE', 'error parsing server cert: not one DER certificate');
}

function parseMultiplexing(field: string): boolean {
  const value = BOOLEANS.get(field);
  if (value !== undefined) return value;
  throw new ProtocolError(
    'ERR_MULTIPLEXING',
    `error parsing ${quote(field)} as a boolean for gRPC broker multiplexing support`,
  );
}

/** What a peer sent, fit for one line of text. */
function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
