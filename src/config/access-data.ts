import { MAX_ADDRESS_LENGTH } from './address-rules.ts';
import { isPath, isPathSegment } from './path-rules.ts';
import { Secret } from './secret.ts';

/** What a call says about where its key is and who is asking. Members that were absent or empty are absent. */
export interface CallConfig {
  /** As written; see `parseAddress`. */
  readonly address?: string;
  readonly namespace?: string;
  readonly mountPath?: string;
  readonly authMountPath?: string;
  readonly roleName?: string;
  readonly region?: string;
  /** The identity that CMK sends with each call. */
  readonly certificate?: CallCertificate;
}

/** A client certificate with its chain, leaf first or not, and its key. */
export interface CallCertificate {
  readonly certificateChainPem: string;
  readonly privateKeyPem: Secret;
}

/** Access data that cannot be used. Names the fields, never what they hold. */
export class AccessDataError extends Error {
  override readonly name = 'AccessDataError';
  readonly reason: 'MISSING_FIELDS' | 'CANNOT_PARSE_DATA';
  readonly fields: readonly string[];

  constructor(reason: AccessDataError['reason'], fields: readonly string[]) {
    super(`access data: ${reason === 'MISSING_FIELDS' ? 'missing' : 'unusable'} ${fields.join(', ')}`);
    this.reason = reason;
    this.fields = fields;
  }
}

interface Field {
  readonly maxLength: number;
  readonly accepts: (text: string) => boolean;
}

const MAX_PEM_LENGTH = 64 * 1024;
const anything = (): boolean => true;
const CERTIFICATE_AUTH = 'AUTH_TYPE_CERTIFICATE';

// The allow-list: nothing else of the access data is looked at. `address` has rules and an error class of its own.
const FIELDS = {
  address: { maxLength: MAX_ADDRESS_LENGTH, accepts: anything },
  namespace: { maxLength: 255, accepts: isPath },
  mountPath: { maxLength: 255, accepts: isPath },
  authMountPath: { maxLength: 255, accepts: isPath },
  roleName: { maxLength: 255, accepts: isPathSegment },
  region: { maxLength: 50, accepts: (text) => /^[A-Za-z0-9 _./:-]+$/.test(text) },
  authType: { maxLength: 255, accepts: (text) => text === CERTIFICATE_AUTH },
  clientCert: { maxLength: MAX_PEM_LENGTH, accepts: anything },
  privateKey: { maxLength: MAX_PEM_LENGTH, accepts: anything },
} as const satisfies Record<string, Field>;

type FieldName = keyof typeof FIELDS;

/**
 * Reads the decoded `config.values` of a call by allow-list; other members are ignored, since CMK lays them over its own.
 *
 * @throws AccessDataError when a field has the wrong type, is too long or breaks its pattern (`CANNOT_PARSE_DATA`), or when
 * only half of a certificate is there (`MISSING_FIELDS`).
 */
export function readCallConfig(values: unknown): CallConfig {
  if (values === undefined || values === null) return {};
  if (!isPlainData(values)) throw new AccessDataError('CANNOT_PARSE_DATA', ['values']);

  const texts = new Map<FieldName, string>();
  const unusable: string[] = [];
  for (const name of Object.keys(FIELDS) as FieldName[]) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined || value === null || value === '') continue;
    if (typeof value !== 'string' || !isAcceptable(FIELDS[name], value)) unusable.push(name);
    else texts.set(name, value);
  }
  if (unusable.length > 0) throw new AccessDataError('CANNOT_PARSE_DATA', unusable);

  const { authType, clientCert, privateKey, ...place } = Object.fromEntries(texts) as Partial<
    Record<FieldName, string>
  >;
  if (authType === undefined && clientCert === undefined && privateKey === undefined) return place;
  const absent = [
    ...(clientCert === undefined ? ['clientCert'] : []),
    ...(privateKey === undefined ? ['privateKey'] : []),
  ];
  if (clientCert === undefined || privateKey === undefined) throw new AccessDataError('MISSING_FIELDS', absent);
  return { ...place, certificate: { certificateChainPem: clientCert, privateKeyPem: new Secret(privateKey) } };
}

function isAcceptable(field: Field, text: string): boolean {
  return text.length <= field.maxLength && field.accepts(text);
}

// A decoder that assigns member by member turns a Struct's `__proto__` key into the prototype of the object. Then what
// the object seems to hold is not what was sent, here or further down.
function isPlainData(value: unknown): value is Record<string, unknown> {
  const pending = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== 'object' || next === null) continue;
    const expected: unknown = Array.isArray(next) ? Array.prototype : Object.prototype;
    if (Object.getPrototypeOf(next) !== expected) return false;
    pending.push(...(Object.values(next) as unknown[]));
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
