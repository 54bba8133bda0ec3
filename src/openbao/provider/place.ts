import { parseAddress } from '../../config/address-rules.ts';
import type { PluginConfiguration } from '../../config/configuration.ts';
import { KeystoreError } from '../../keystore/errors.ts';
import type { AccessData, ProvisionedKeystore, TrustedParty } from '../../keystore/keystore-provider.ts';
import type { CallAccess } from '../../keystore/call.ts';
import { firstRoles, isKeystoreName, type RoleKind, roleKind } from './names.ts';

/** Where the parts of one keystore are. */
export interface KeystorePlace {
  readonly name: string;
  /** The namespace that holds them, as a client names it; empty for the root. */
  readonly namespace: string;
  /** What goes before a path to reach them from `openbao.namespace`: `<name>/`, or nothing. */
  readonly below: string;
  readonly transitMount: string;
  readonly stateMount: string;
  readonly authMount: string;
}

/** Settings that say where keystores are. */
export type ProviderConfiguration = NonNullable<PluginConfiguration['provider']>;

/**
 * The mounts of a keystore that has a namespace of its own; the second is KV version 2 and holds the state of keys whose
 * material is still to come.
 */
export const MOUNTS_IN_NAMESPACE = { transitMount: 'transit', stateMount: 'keystore-state' } as const;

/**
 * The one rule of where keystores are and how access data describe them; both ways, so that what comes back is compared
 * with what was given out.
 */
export class Places {
  readonly #provider: ProviderConfiguration;
  readonly #namespace: string;
  readonly #address: string;
  readonly #knownAddresses: ReadonlySet<string>;
  readonly #regions: ProvisionedKeystore['supportedRegions'];

  constructor({ openbao, supportedRegions = [] }: PluginConfiguration, provider: ProviderConfiguration) {
    const addresses = [...(provider.address === undefined ? [] : [provider.address]), ...openbao.addresses].map(
      (text) => parseAddress(text)?.origin ?? text,
    );
    this.#provider = provider;
    this.#namespace = openbao.namespace;
    this.#address = addresses[0] ?? '';
    this.#knownAddresses = new Set(addresses);
    this.#regions = supportedRegions;
  }

  /** The place of a keystore; undefined for a name that this provider does not give. */
  named(name: string): KeystorePlace | undefined {
    const { authMount, isolation, namePrefix } = this.#provider;
    if (!isKeystoreName(namePrefix, name)) return undefined;
    if (isolation === 'mount') {
      const mounts = { transitMount: name, stateMount: `${name}-state` };
      return { name, namespace: this.#namespace, below: '', ...mounts, authMount };
    }
    const namespace = this.#namespace === '' ? name : `${this.#namespace}/${name}`;
    return { name, namespace, below: `${name}/`, ...MOUNTS_IN_NAMESPACE, authMount };
  }

  /** What a role of a keystore needs in order to come. */
  accessData(place: KeystorePlace, role: string): AccessData {
    return {
      address: this.#address,
      ...(place.namespace === '' ? {} : { namespace: place.namespace }),
      mountPath: place.transitMount,
      authMountPath: place.authMount,
      roleName: role,
      ...(roleKind(place.name, role) === 'MANAGEMENT' ? { stateMountPath: place.stateMount } : {}),
    };
  }

  /** What CMK is told of a keystore. */
  describe(place: KeystorePlace): ProvisionedKeystore {
    const roles = firstRoles(place.name);
    // The locality becomes a part of the certificate's subject, where nothing depends on it.
    const party = (role: string): TrustedParty => ({
      localityId: place.name,
      commonName: role,
      accessData: this.accessData(place, role),
    });
    return {
      accountId: place.name,
      roleManagement: party(roles.roleManagement),
      keyManagement: party(roles.keyManagement),
      supportedRegions: this.#regions,
    };
  }

  /**
   * Reads access data that were given out here: the keystore and the role of one of `kinds`. Nothing of them is followed:
   * they must be, field for field, what this provider says of that role.
   *
   * @throws KeystoreError `invalid-access-data`
   */
  recognise(access: CallAccess, kinds: readonly RoleKind[]): { readonly place: KeystorePlace; readonly role: string } {
    const field = this.#provider.isolation === 'mount' ? 'mountPath' : 'namespace';
    const { [field]: holder, roleName: role } = access;
    if (holder === undefined || role === undefined) {
      throw unusable('MISSING_FIELDS', [
        ...(holder === undefined ? [field] : []),
        ...(role === undefined ? ['roleName'] : []),
      ]);
    }
    const place = this.named(field === 'mountPath' ? holder : holder.slice(holder.lastIndexOf('/') + 1));
    if (place === undefined) throw unusable('CANNOT_PARSE_DATA', [field]);
    const kind = roleKind(place.name, role);
    if (kind === undefined || !kinds.includes(kind)) throw unusable('CANNOT_PARSE_DATA', ['roleName']);
    this.#compare(access, this.accessData(place, role));
    return { place, role };
  }

  #compare(access: CallAccess, expected: AccessData): void {
    const missing = FIELDS.filter((field) => access[field] === undefined && expected[field] !== undefined);
    if (missing.length > 0) throw unusable('MISSING_FIELDS', missing);
    const other = FIELDS.filter((field) => access[field] !== expected[field] && !this.#isKnown(field, access[field]));
    if (other.length > 0) throw unusable('CANNOT_PARSE_DATA', other);
  }

  // An address that was given out before the configuration changed; it is not what the provider itself connects to.
  #isKnown(field: (typeof FIELDS)[number], text: string | undefined): boolean {
    return field === 'address' && this.#knownAddresses.has(parseAddress(text ?? '')?.origin ?? '');
  }
}

const FIELDS = ['address', 'namespace', 'mountPath', 'authMountPath', 'roleName', 'stateMountPath'] as const;

/** Access data that were not given out here, or not as they are. */
export function unusable(reason: 'MISSING_FIELDS' | 'CANNOT_PARSE_DATA', fields: readonly string[]): KeystoreError {
  return new KeystoreError('invalid-access-data', 'access data are not those of a keystore made here', {
    fields,
    accessDataReason: reason,
  });
}
