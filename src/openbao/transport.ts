import { lookup as dnsLookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

import { Pool } from 'undici';

import { isPrivateAddress } from '../config/address-rules.ts';
import { KeystoreError } from '../keystore/errors.ts';
import { type Answer, asObject, toAnswer } from './answer.ts';
import { waitFor } from './waiting.ts';

/** Finds the addresses of a name, as `lookup` of `node:dns` does with `all`. */
export type FindAddresses = (
  name: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** How connections of one session are made. */
export interface TransportOptions {
  /** `https://host:port`, or `http://` on loopback in development. */
  readonly origin: string;
  /** PEM; absent: the roots that Node was built with, and nothing that the environment adds. */
  readonly ca?: string;
  readonly serverName?: string;
  /** Client certificate chain and key, PEM. */
  readonly clientCertificate?: { readonly chainPem: string; readonly privateKeyPem: string };
  /** Whether the host may resolve to a private, loopback, link-local or otherwise special address. */
  readonly allowPrivateAddresses: boolean;
  /** In place of the system's resolver; asked once for each new connection to a name. */
  readonly findAddresses?: FindAddresses;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  readonly maxAnswerBytes: number;
}

/** One HTTP request, as node-vault composed it. */
export interface TransportRequest {
  readonly method: string;
  /** From the first slash on. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Keep-alive connections to one address under one TLS identity. Never shared between identities. */
export interface Transport {
  /**
   * Rejects with a `KeystoreError`: `unreachable`, `tls-failure`, `address-not-allowed`, `malformed-answer` (too large),
   * or the reason of the signal. No redirect is followed.
   */
  request(request: TransportRequest): Promise<Answer>;
  /** Lets running requests end, for at most 3 s, and then ends the connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens no connection until the first request.
 *
 * @throws KeystoreError `address-not-allowed`, or `tls-failure` when the authorities or the client certificate cannot be used.
 */
export function createTransport(options: TransportOptions): Transport {
  const host = new URL(options.origin).hostname.replace(/^\[|\]$/g, '');
  if (!options.allowPrivateAddresses && isIP(host) !== 0 && isPrivateAddress(host)) throw forbiddenAddress();
  const pool = new Pool(options.origin, {
    connections: options.maxConnections,
    pipelining: 1,
    // undici would speak HTTP/2 where it is offered: all requests on one connection, which OpenBao cuts under large bodies.
    allowH2: false,
    // The caller's signal alone bounds a request, a peer that trickles included.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: options.connectTimeoutMs,
      secureContext: openSecureContext(options),
      ...(options.serverName === undefined ? {} : { servername: options.serverName }),
      lookup: checkedLookup(options),
    },
  });

  let closed: Promise<void> | undefined;
  return {
    async request({ method, path, headers, body, signal }) {
      signal.throwIfAborted();
      try {
        // undici lets a request that still waits for a connection wait on after its signal; the caller does not.
        const sent = pool.request({
          method: method,
          path,
          headers,
          signal,
          ...(body === undefined ? {} : { body }),
        });
        const response = await waitFor(sent, signal);
        const text = await readBounded(response.body, options.maxAnswerBytes);
        const retryAfter = response.headers['retry-after'];
        return toAnswer(response.statusCode, text, typeof retryAfter === 'string' ? retryAfter : undefined);
      } catch (error) {
        throw translate(error, signal);
      }
    },
    close: () => (closed ??= closePool(pool)),
  };
}

// One for all connections: authorities are many, and each context parses them.
function openSecureContext({ ca, clientCertificate }: TransportOptions): SecureContext {
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ca: ca ?? getCACertificates('bundled'),
      ...(clientCertificate === undefined
        ? {}
        : { cert: clientCertificate.chainPem, key: clientCertificate.privateKeyPem }),
    });
  } catch (error) {
    throw new KeystoreError('tls-failure', 'no secure connection to OpenBao', { cause: errorCode(error) });
  }
}

async function closePool(pool: Pool): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, CLOSE_GRACE_MS, undefined);
  await Promise.race([pool.close(), late]);
  clearTimeout(timer);
  await pool.destroy();
}

const CLOSE_GRACE_MS = 3000;

// The connection is made to the very address that was checked: this is the only resolution.
function checkedLookup({ allowPrivateAddresses, findAddresses = dnsLookup }: TransportOptions): LookupFunction {
  const isAllowed = ({ address }: LookupAddress): boolean => allowPrivateAddresses || !isPrivateAddress(address);
  return (hostname, options, callback) => {
    findAddresses(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        callback(error, '', 0);
        return;
      }
      const [first] = addresses;
      if (first === undefined || !addresses.every(isAllowed)) {
        callback(Object.assign(new Error('address not allowed'), { code: FORBIDDEN }), '', 0);
        return;
      }
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

const FORBIDDEN = 'ERR_ADDRESS_NOT_ALLOWED';
const TOO_LARGE = 'ERR_ANSWER_TOO_LARGE';

async function readBounded(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw Object.assign(new Error('answer too large'), { code: TOO_LARGE });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}

// A raw client error can carry the request, so nothing of it but its code survives.
function translate(error: unknown, signal: AbortSignal): KeystoreError {
  if (signal.aborted && signal.reason instanceof KeystoreError) return signal.reason;
  const code = errorCode(error);
  if (code === FORBIDDEN) return forbiddenAddress();
  if (code === TOO_LARGE)
    return new KeystoreError('malformed-answer', 'the answer of OpenBao is too large', { cause: code });
  if (TLS_CODE.test(code)) return new KeystoreError('tls-failure', 'no secure connection to OpenBao', { cause: code });
  return new KeystoreError('unreachable', 'OpenBao cannot be reached', { cause: code });
}

function forbiddenAddress(): KeystoreError {
  return new KeystoreError('address-not-allowed', 'the address is not allowed', {
    fields: ['address'],
    accessDataReason: 'CANNOT_PARSE_DATA',
  });
}

const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|CRL_|EPROTO)/;

function errorCode(error: unknown): string {
  let current = asObject(error);
  for (let depth = 0; current !== undefined && depth < 5; depth += 1) {
    if (typeof current.code === 'string' && /^[A-Z0-9_/]{2,64}$/.test(current.code)) return current.code;
    current = asObject(current.cause);
  }
  return 'UNKNOWN';
}
