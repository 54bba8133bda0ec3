import { parseKeyVersionId } from '../../keystore-contract/key-id.ts';
import type { DescribedRegions, RegionAccess } from '../keystore/admission.ts';
import { KeystoreError } from '../keystore/errors.ts';
import { parseAddress } from './address-rules.ts';
import type { PluginConfiguration } from './configuration.ts';
import { isPlainObject } from './plain-data.ts';
import { type CryptoRegion, judgeFaults, type TenantDataReader } from './tenant-access-data.ts';

const MAX_JSON_BYTES = 1024 * 1024;
const FIELD = 'access_data';

/** See `Admission.describeRegions`. */
export function createRegionDescriber(
  { auth, openbao }: PluginConfiguration,
  reader: TenantDataReader,
): (keyId: string, accessDataJson: Buffer) => DescribedRegions {
  // A region always comes with its own certificate, also where this process has another identity.
  const certificateMount = auth.method === 'callCertificate' ? auth.mount : 'cert';

  function describe(keyName: string, { name, texts, versionIdentifier }: CryptoRegion): RegionAccess {
    return {
      region: name,
      address: parseAddress(texts.address ?? '')?.origin ?? '',
      namespace: texts.namespace ?? openbao.namespace,
      mountPath: texts.mountPath ?? openbao.transitMount,
      keyName,
      authMountPath: texts.authMountPath ?? certificateMount,
      roleName: texts.roleName ?? '',
      keyVersionId: isKeyVersionId(versionIdentifier) ? versionIdentifier : '',
    };
  }

  return (keyId, accessDataJson) => {
    const regions = reader.crypto(parseObject(accessDataJson));
    if (regions === undefined) throw unusable('names too many regions');
    const fields = regions.flatMap(({ faults }) => judgeFaults(faults)?.fields ?? []);
    const usable = regions.filter(({ faults }) => faults.length === 0);
    return {
      usable: usable.map((region) => describe(keyId, region)),
      unusableCount: regions.length - usable.length,
      unusableFields: [...new Set(fields)],
    };
  };
}

function parseObject(json: Buffer): unknown {
  if (json.length > MAX_JSON_BYTES) throw unusable('is too long');
  const value = parse(json);
  if (value !== null && !isPlainObject(value)) throw unusable('must be a JSON object');
  return value;
}

// What the parser says of a text quotes it.
function parse(json: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json));
  } catch {
    return undefined;
  }
}

function isKeyVersionId(value: unknown): value is string {
  return typeof value === 'string' && parseKeyVersionId(value) !== undefined;
}

function unusable(problem: string): KeystoreError {
  return new KeystoreError('invalid-request', `${FIELD} ${problem}`, { fields: [FIELD] });
}
