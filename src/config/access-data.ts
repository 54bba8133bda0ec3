import type { CallAccess } from '../keystore/call.ts';
import { anything, type FieldRule, readFields, TENANT_FIELDS } from './access-fields.ts';
import { isPath } from './path-rules.ts';
import { isPlainData } from './plain-data.ts';
import { Secret } from './secret.ts';

/** What a call says about where its key is and who is asking. Members that were absent or empty are absent. */
export interface CallConfig extends CallAccess {
  readonly region?: string;
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

const MAX_PEM_LENGTH = 64 * 1024;
const CERTIFICATE_AUTH = 'AUTH_TYPE_CERTIFICATE';

// The allow-list: nothing else of the access data is looked at.
const FIELDS = {
  ...TENANT_FIELDS,
  stateMountPath: { maxLength: 255, accepts: isPath },
  authType: { maxLength: 255, accepts: (text) => text === CERTIFICATE_AUTH },
  clientCert: { maxLength: MAX_PEM_LENGTH, accepts: anything },
  privateKey: { maxLength: MAX_PEM_LENGTH, accepts: anything },
} as const satisfies Record<string, FieldRule>;

/**
 * Reads the decoded `config.values` of a call by allow-list; other members are ignored, since CMK lays them over its own.
 *
 * @throws AccessDataError when a field has the wrong type, is too long or breaks its pattern (`CANNOT_PARSE_DATA`), or when
 * only half of a certificate is there (`MISSING_FIELDS`).
 */
export function readCallConfig(values: unknown): CallConfig {
  if (values === undefined || values === null) return {};
  if (!isPlainData(values)) throw new AccessDataError('CANNOT_PARSE_DATA', ['values']);

  const { texts, unusable } = readFields(FIELDS, values);
  if (unusable.length > 0) throw new AccessDataError('CANNOT_PARSE_DATA', unusable);

  const { authType, clientCert, privateKey, ...place } = texts;
  if (authType === undefined && clientCert === undefined && privateKey === undefined) return place;
  const absent = [
    ...(clientCert === undefined ? ['clientCert'] : []),
    ...(privateKey === undefined ? ['privateKey'] : []),
  ];
  if (clientCert === undefined || privateKey === undefined) throw new AccessDataError('MISSING_FIELDS', absent);
  return { ...place, certificate: { certificateChainPem: clientCert, privateKeyPem: new Secret(privateKey) } };
}
