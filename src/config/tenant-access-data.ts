import { readFields, TENANT_FIELDS, type Texts } from './access-fields.ts';
import type { PluginConfiguration } from './configuration.ts';
import { createKnownAddresses, type KnownAddresses } from './known-addresses.ts';
import { processLogin } from './process-login.ts';
import { isRegionLabel } from './path-rules.ts';
import { isPlainObject } from './plain-data.ts';

/** Something wrong with what a tenant wrote. */
export interface Fault {
  readonly kind: 'unusable' | 'address-not-allowed' | 'missing';
  /** `address`, or `crypto.eu.address` inside a region. Where a tenant's own name is unsafe to repeat, what it is in. */
  readonly field: string;
}

/** What a tenant wrote of one place. The texts are of use only when there is no fault. */
export interface TenantData {
  readonly texts: Texts<TenantField>;
  readonly faults: readonly Fault[];
}

export interface CryptoRegion extends TenantData {
  readonly name: string;
  /** As it came. */
  readonly versionIdentifier: unknown;
}

/** What to say of faults: those of the gravest kind, in the words of the access data's error. */
export interface Verdict {
  readonly errorClass: 'invalid-access-data' | 'address-not-allowed';
  readonly reason: 'MISSING_FIELDS' | 'CANNOT_PARSE_DATA';
  /** Each once. */
  readonly fields: readonly string[];
}

/**
 * What is there and cannot be used comes first: an error has one reason, and an unusable field may be a missing one under
 * another name. Undefined when there is no fault.
 */
export function judgeFaults(faults: readonly Fault[]): Verdict | undefined {
  if (faults.length === 0) return undefined;
  const unusable = faults.filter(({ kind }) => kind !== 'missing');
  const told = unusable.length > 0 ? unusable : faults;
  return {
    errorClass: told.every(({ kind }) => kind === 'address-not-allowed')
      ? 'address-not-allowed'
      : 'invalid-access-data',
    reason: unusable.length > 0 ? 'CANNOT_PARSE_DATA' : 'MISSING_FIELDS',
    fields: [...new Set(told.map(({ field }) => field))],
  };
}

/** Reads access data as tenants write them: by a strict allow-list, where unknown members are faults. */
export interface TenantDataReader {
  management(values: unknown): TenantData;
  /** In the order of the input. Undefined when it is no mapping, or has too many regions. */
  crypto(values: unknown): readonly CryptoRegion[] | undefined;
}

type TenantField = keyof typeof TENANT_FIELDS;

/** Where the members of a mapping are, in the words of a fault. */
interface Place {
  readonly whole: string;
  readonly prefix: string;
}

const MANAGEMENT: Place = { whole: 'management', prefix: '' };
const NOTHING: ReadonlySet<string> = new Set();

// CMK adds them to what the tenant wrote; their types are its own affair.
const ADDED_BY_CMK: ReadonlySet<string> = new Set(['certificateSubject', 'isEditable', 'versionIdentifier']);

function repeatable(
  auth: Parameters<typeof processLogin>[0],
  openbao: PluginConfiguration['openbao'],
): Partial<Record<TenantField, string | undefined>> {
  const { mount, role } = processLogin(auth);
  return { namespace: openbao.namespace, mountPath: openbao.transitMount, authMountPath: mount, roleName: role };
}

const MAX_REGIONS = 1000;
const REPEATABLE_NAME = /^[A-Za-z][A-Za-z0-9]{0,49}$/;

export function createTenantDataReader({ auth, openbao }: PluginConfiguration): TenantDataReader {
  const addresses = createKnownAddresses(openbao);
  // A tenant must not steer the identity of the process: it may repeat what the configuration says and nothing else.
  const configured = auth.method === 'callCertificate' ? undefined : repeatable(auth, openbao);

  function steering(texts: Texts<TenantField>, fixed: Partial<Record<TenantField, string | undefined>>): Fault[] {
    const others = (Object.keys(fixed) as TenantField[]).filter(
      (name) => texts[name] !== undefined && texts[name] !== fixed[name],
    );
    const isOther = texts.address !== undefined && !addresses.isConfigured(texts.address);
    return [...(isOther ? ['address'] : []), ...others].map((field) => ({ kind: 'unusable', field }));
  }

  function readRegion(name: string, values: unknown): TenantData {
    if (!isRegionLabel(name)) return { texts: {}, faults: [{ kind: 'unusable', field: 'crypto' }] };
    const place = { whole: `crypto.${name}`, prefix: `crypto.${name}.` };
    const { texts, faults } = readPlace(values, place, ADDED_BY_CMK);
    return { texts, faults: [...faults, ...addressFaults(texts, place, addresses)] };
  }

  return {
    management(values) {
      const { texts, faults } = readPlace(values ?? {}, MANAGEMENT, NOTHING);
      const more = configured === undefined ? addressFaults(texts, MANAGEMENT, addresses) : steering(texts, configured);
      return { texts, faults: [...faults, ...more] };
    },
    crypto(values) {
      const regions = values ?? {};
      if (!isPlainObject(regions) || Object.keys(regions).length > MAX_REGIONS) return undefined;
      return Object.entries(regions).map(([name, value]) => {
        const versionIdentifier = isPlainObject(value) ? value.versionIdentifier : undefined;
        return { name, versionIdentifier, ...readRegion(name, value) };
      });
    },
  };
}

function readPlace(values: unknown, place: Place, ignored: ReadonlySet<string>): TenantData {
  if (!isPlainObject(values)) return { texts: {}, faults: [{ kind: 'unusable', field: place.whole }] };
  const { texts, unusable } = readFields(TENANT_FIELDS, values);
  const unknown = Object.keys(values).filter((name) => !Object.hasOwn(TENANT_FIELDS, name) && !ignored.has(name));
  const names = [...unusable, ...unknown.filter((name) => REPEATABLE_NAME.test(name))];
  const fields = names.map((name) => `${place.prefix}${name}`);
  if (names.length < unusable.length + unknown.length) fields.push(place.whole);
  return { texts, faults: fields.map((field) => ({ kind: 'unusable', field })) };
}

function* addressFaults({ address }: Texts<TenantField>, { prefix }: Place, known: KnownAddresses): Generator<Fault> {
  const field = `${prefix}address`;
  if (address === undefined) {
    yield { kind: 'missing', field };
    return;
  }
  const judgement = known.find(address);
  if (judgement === 'malformed') yield { kind: 'unusable', field };
  if (judgement === 'not-allowed') yield { kind: 'address-not-allowed', field };
}
