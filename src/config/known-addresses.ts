import { isIP } from 'node:net';

import { createAddressMatcher, isLoopback, isPrivateAddress, parseAddress } from './address-rules.ts';
import type { PluginConfiguration } from './configuration.ts';

type Configured = PluginConfiguration['openbao'];

/** An entry of `openbao.allowedAddresses`. */
export type AllowedAddress = Configured['allowedAddresses'][number];

/** An address that calls may go to, as far as can be told without resolving its name. */
export interface KnownAddress {
  /** The address in its one form. */
  readonly origin: string;
  /** Absent for one of `openbao.addresses`. */
  readonly entry?: AllowedAddress;
}

/** The addresses that the configuration knows, to which what a call or a tenant wrote is held. Resolves no name. */
export interface KnownAddresses {
  /** Whether it is one of `openbao.addresses`, however it is spelt. */
  isConfigured(text: string): boolean;
  find(text: string): KnownAddress | 'malformed' | 'not-allowed';
  /** The label of the first entry of `openbao.allowedAddresses` that covers the address. */
  regionOf(text: string): string | undefined;
}

export function createKnownAddresses({ addresses, allowedAddresses }: Configured): KnownAddresses {
  const configured = new Set(addresses.map((text) => parseAddress(text)?.origin));
  const match = createAddressMatcher(allowedAddresses);

  return {
    isConfigured: (text) => configured.has(parseAddress(text)?.origin ?? ''),
    find(text) {
      const address = parseAddress(text);
      if (address === undefined) return 'malformed';
      if (configured.has(address.origin)) return { origin: address.origin };
      const entry = match(address);
      if (entry === undefined || (!entry.privateAddresses && isKnownPrivate(address.host))) return 'not-allowed';
      return { origin: address.origin, entry };
    },
    regionOf(text) {
      const address = parseAddress(text);
      return address && match(address)?.region;
    },
  };
}

// A name is looked up, and its addresses are judged, at each connection.
function isKnownPrivate(host: string): boolean {
  return isLoopback({ host }) || (isIP(host) !== 0 && isPrivateAddress(host));
}
