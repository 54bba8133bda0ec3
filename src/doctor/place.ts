import type { CallConfig } from '../config/access-data.ts';
import { parseAddress } from '../config/address-rules.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import { createKnownAddresses } from '../config/known-addresses.ts';
import type { SourceRef } from '../config/source-ref.ts';
import type { ClusterTarget } from '../openbao/target.ts';
import type { Endpoint } from './look-at-address.ts';

/** The addresses that a configuration, and a call if there is one, speak of. */
export interface Place {
  /** Every address that can be looked at; a pattern with `*` cannot. */
  readonly endpoints: readonly (Omit<Endpoint, 'ca'> & { readonly ca: SourceRef | undefined })[];
  /** The one to which requests go. */
  readonly cluster: ClusterTarget;
}

/** The places of a configuration; with the address of a call only that one, since it is the call's that is asked about. */
export function placeOf({ openbao }: PluginConfiguration, { address }: CallConfig): Place {
  const { addresses, allowedAddresses, ca, serverName } = openbao;
  const configured: ClusterTarget = {
    origins: addresses.map(originOf),
    ca,
    serverName,
    allowPrivateAddresses: true,
  };
  const clusters = [configured, ...allowedAddresses.filter(isConcrete).map((entry) => toCluster(entry))];
  const known = address === undefined ? undefined : createKnownAddresses({ ...openbao }).find(address);
  const called =
    typeof known === 'object' ? (known.entry ? toCluster(known.entry, known.origin) : configured) : undefined;
  const looked = called === undefined ? clusters : [called];
  return {
    endpoints: looked.flatMap(({ origins, ...trust }) => origins.map((origin) => ({ origin, ...trust }))),
    cluster: looked.find(({ origins }) => origins.length > 0) ?? configured,
  };
}

type Allowed = PluginConfiguration['openbao']['allowedAddresses'][number];

function toCluster({ ca, pattern, privateAddresses, serverName }: Allowed, origin = originOf(pattern)): ClusterTarget {
  return { origins: [origin], ca, serverName, allowPrivateAddresses: privateAddresses };
}

function isConcrete({ pattern }: Allowed): boolean {
  return parseAddress(pattern) !== undefined;
}

function originOf(address: string): string {
  return parseAddress(address)?.origin ?? address;
}
