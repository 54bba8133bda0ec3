import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type DetailedPeerCertificate, getCACertificates, type TLSSocket } from 'node:tls';

import { isPrivateAddress, parseAddress } from '../config/address-rules.ts';

/** One address and how it is to be trusted. */
export interface Endpoint {
  /** `https://host:port`, or `http://` in development. */
  readonly origin: string;
  /** PEM; absent: the authorities that Node was built with. */
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
  readonly allowPrivateAddresses: boolean;
}

/** What was seen of an address without speaking HTTP. A system or TLS code says what went wrong. */
export interface AddressLook {
  readonly origin: string;
  readonly dns: { readonly addresses: readonly string[] } | { readonly error: string };
  /** Absent when the name leads nowhere, or where the plugin would not go. */
  readonly connect?: { readonly ms: number } | { readonly error: string };
  /** Absent when there is no connection, or none with TLS. */
  readonly tls?: TlsLook | { readonly error: string };
}

/** A finished handshake, whatever is thought of the certificate. */
export interface TlsLook {
  readonly protocol: string;
  /** Why the chain is not trusted, apart from the name and the dates of the leaf. */
  readonly trustError: string | undefined;
  /** The name that was expected. */
  readonly expectedName: string;
  readonly nameMatches: boolean;
  /** Names in the certificate, as it writes them. */
  readonly names: string;
  /** The leaf first. */
  readonly chain: readonly { readonly subject: string; readonly notBefore: Date; readonly notAfter: Date }[];
}

/** A name that leads to an address that is not public, where the plugin goes to public ones only. */
export const NOT_PUBLIC = 'NOT_PUBLIC';

/** Looks at one address, step by step, each step with `timeoutMs` of its own. Never rejects. */
export async function lookAtAddress(endpoint: Endpoint, timeoutMs: number): Promise<AddressLook> {
  const { origin } = endpoint;
  const address = parseAddress(origin);
  if (address === undefined) return { origin, dns: { error: 'UNKNOWN' } };
  const { host, port, scheme } = address;
  const dns = await resolve(host, endpoint.allowPrivateAddresses, timeoutMs);
  const [ip] = 'addresses' in dns ? dns.addresses : [];
  if (ip === undefined) return { origin, dns };
  const connect = await tryTcp(ip, port, timeoutMs);
  if ('error' in connect || scheme === 'http') return { origin, dns, connect };
  return { origin, dns, connect, tls: await tryTls(endpoint, { host, ip, port, timeoutMs }) };
}

async function resolve(host: string, allowPrivate: boolean, timeoutMs: number): Promise<AddressLook['dns']> {
  try {
    const found = isIP(host) === 0 ? await within(lookup(host, { all: true }), timeoutMs) : [{ address: host }];
    const addresses = found.map(({ address }) => address);
    if (!allowPrivate && addresses.some(isPrivateAddress)) return { error: NOT_PUBLIC };
    return addresses.length === 0 ? { error: 'ENOTFOUND' } : { addresses };
  } catch (error) {
    return { error: codeOf(error) };
  }
}

async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(timedOut()), timeoutMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function tryTcp(host: string, port: number, timeoutMs: number): Promise<NonNullable<AddressLook['connect']>> {
  const started = performance.now();
  const socket = connectTcp({ host, port });
  try {
    await opened(socket, 'connect', timeoutMs);
    return { ms: performance.now() - started };
  } catch (error) {
    return { error: codeOf(error) };
  } finally {
    socket.destroy();
  }
}

async function tryTls(
  endpoint: Endpoint,
  { host, ip, port, timeoutMs }: { host: string; ip: string; port: number; timeoutMs: number },
): Promise<NonNullable<AddressLook['tls']>> {
  const expectedName = endpoint.serverName ?? host;
  let socket: TLSSocket | undefined;
  try {
    // The chain alone decides about trust, so the name is noted and let pass.
    socket = connectTls({
      host: ip,
      port,
      ...(isIP(expectedName) === 0 && { servername: expectedName }),
      ca: endpoint.ca ?? getCACertificates('bundled'),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    await opened(socket, 'secureConnect', timeoutMs);
    const leaf = socket.getPeerX509Certificate();
    const matched = isIP(expectedName) === 0 ? leaf?.checkHost(expectedName) : leaf?.checkIP(expectedName);
    return {
      protocol: socket.getProtocol() ?? 'unknown',
      trustError: socket.authorized ? undefined : trustErrorOf(socket.authorizationError),
      expectedName,
      nameMatches: matched !== undefined,
      names: leaf?.subjectAltName ?? leaf?.subject ?? '',
      chain: chainOf(socket.getPeerCertificate(true)),
    };
  } catch (error) {
    return { error: codeOf(error) };
  } finally {
    socket?.destroy();
  }
}

async function opened(socket: Socket, event: string, timeoutMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => reject(timedOut()), timeoutMs);
  socket.once(event, () => resolve(undefined)).on('error', reject);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}

function chainOf(leaf: DetailedPeerCertificate): TlsLook['chain'] {
  const chain: TlsLook['chain'][number][] = [];
  const seen = new Set<string>();
  // Anything may be missing of what a stranger sends; an authority that signed itself is its own issuer.
  let next: Partial<DetailedPeerCertificate> | undefined = leaf;
  while (next?.fingerprint256 !== undefined && !seen.has(next.fingerprint256)) {
    const { fingerprint256, subject, valid_from: from = '', valid_to: to = '' } = next;
    seen.add(fingerprint256);
    chain.push({ subject: commonName(subject?.CN), notBefore: new Date(from), notAfter: new Date(to) });
    next = next.issuerCertificate;
  }
  return chain;
}

function commonName(name: string | readonly string[] | undefined): string {
  const text = typeof name === 'string' ? name : (name?.[0] ?? 'without a common name');
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}

function trustErrorOf(error: unknown): string {
  if (typeof error === 'string') return error;
  return codeOf(error);
}

function timedOut(): Error {
  return Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' });
}

/** The code of a system or TLS error and nothing else of it. */
function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[A-Z0-9_]{2,64}$/.test(code) ? code : 'UNKNOWN';
}
