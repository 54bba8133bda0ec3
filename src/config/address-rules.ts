import { BlockList, isIP } from 'node:net';

/** The one form in which addresses are compared: scheme, lower-case host, port. */
export interface Address {
  /** `https://host` or `https://host:port`, never with a default port, path or user. */
  readonly origin: string;
  readonly scheme: 'https' | 'http';
  /** Without the brackets of an IPv6 literal. */
  readonly host: string;
  readonly port: number;
}

/** Like an address, but the first host label may be `*`, which stands for exactly one label. */
export type AddressPattern = Omit<Address, 'origin'>;

/** The longest address that is looked at, in characters. */
export const MAX_ADDRESS_LENGTH = 2048;

const DEFAULT_PORTS = { https: 443, http: 80 } as const;
const HOST_LABEL = '(?!-)[a-z0-9_-]{1,63}(?<!-)';
const HOST_NAME = new RegExp(`^${HOST_LABEL}(?:\\.${HOST_LABEL})*$`);
const SHAPE = /^https?:\/\/(\[[0-9a-f:.]+\]|[^/?#@\\:[\]]+)(?::[1-9][0-9]{0,4})?\/?$/i;

/**
 * Reads an address: scheme, host and port, and nothing else; no user information, path, query or fragment, no
 * host that a URL parser would rewrite (`0x7f.1`, a trailing dot, percent signs, letters beyond ASCII).
 *
 * @returns undefined when the text is anything else. `http` is returned as such: whether it may be used is the caller's
 * decision (see {@link isLoopback}).
 */
export function parseAddress(text: string): Address | undefined {
  if (text.length > MAX_ADDRESS_LENGTH) return undefined;
  const written = SHAPE.exec(text)?.[1]?.toLowerCase();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (written === undefined || url === undefined) return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const unchanged = url.hostname.startsWith('[') ? written.startsWith('[') : url.hostname === written;
  if (!unchanged || (isIP(host) === 0 && !isHostName(host))) return undefined;
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  return { origin: url.origin, scheme, host, port: url.port === '' ? DEFAULT_PORTS[scheme] : Number(url.port) };
}

/** Whether a text is a host name in lower-case ASCII; the last label may not be a number, as in an IPv4 address. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && HOST_NAME.test(text) && !/(?:^|\.)[0-9]+$/.test(text);
}

/** Whether an address names this machine: `localhost` or a loopback IP. */
export function isLoopback({ host }: Pick<Address, 'host'>): boolean {
  return host === 'localhost' || (isIP(host) !== 0 && isListed(LOOPBACK, host));
}

/** @returns undefined when the text is no pattern: `https://*.bao.example.com:8200` is one, `https://*` is not. */
export function parseAddressPattern(text: string): AddressPattern | undefined {
  const wildcard = /^(https?:\/\/)\*\./i;
  const address = parseAddress(text.replace(wildcard, '$1'));
  if (address === undefined) return undefined;
  const { scheme, host, port } = address;
  if (!wildcard.test(text)) return { scheme, host, port };
  return isIP(host) === 0 ? { scheme, host: `*.${host}`, port } : undefined;
}

/** Finds the first entry whose `pattern` covers an address; the patterns are read once. */
export function createAddressMatcher<Entry extends { readonly pattern: string }>(
  entries: readonly Entry[],
): (address: Address) => Entry | undefined {
  const rows = entries.map((entry) => ({ entry, pattern: parseAddressPattern(entry.pattern) }));
  return ({ host, port, scheme }) =>
    rows.find(({ pattern }) => pattern?.scheme === scheme && pattern.port === port && coversHost(pattern.host, host))
      ?.entry;
}

function coversHost(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host;
  const firstDot = host.indexOf('.');
  return firstDot > 0 && isIP(host) === 0 && host.slice(firstDot) === pattern.slice(1);
}

type Network = readonly [address: string, prefix: number];

const LOOPBACK = blockList([['127.0.0.0', 8]], [['::1', 128]]);

// What is not a public unicast host: https://www.iana.org/assignments/iana-ipv4-special-registry and …-ipv6-…, and
// Azure's metadata address, which lies in public space. For IPv6 the rule is turned round: only 2000::/3 is public.
const NOT_PUBLIC = blockList(
  [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['168.63.129.16', 32],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ],
  [
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['3fff::', 20],
  ],
);
const PUBLIC_IPV6 = blockList([], [['2000::', 3]]);

/**
 * Whether an IP address is anything but a public unicast one: private, loopback, link-local, carrier NAT, metadata,
 * documentation, multicast, unspecified, or IPv6 that carries an IPv4 address. A text that is no IP address counts too.
 */
export function isPrivateAddress(ip: string): boolean {
  switch (isIP(ip)) {
    case 4:
      return isListed(NOT_PUBLIC, ip);
    case 6:
      return ip.includes('%') || !isListed(PUBLIC_IPV6, ip) || isListed(NOT_PUBLIC, ip);
    default:
      return true;
  }
}

function blockList(ipv4: readonly Network[], ipv6: readonly Network[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of ipv4) list.addSubnet(address, prefix, 'ipv4');
  for (const [address, prefix] of ipv6) list.addSubnet(address, prefix, 'ipv6');
  return list;
}

function isListed(list: BlockList, ip: string): boolean {
  return list.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4');
}
