import { KeystoreError } from '../keystore/errors.ts';
import { readFields, TENANT_FIELDS } from './access-fields.ts';
import type { PluginConfiguration } from './configuration.ts';
import { createKnownAddresses } from './known-addresses.ts';
import { isPlainObject } from './plain-data.ts';

const FIELD = 'management_access_data';
const { address, region } = TENANT_FIELDS;

/** See `Admission.regionOf`. OpenBao knows no regions: whoever is nearest to the key says what its region is called. */
export function createKeyRegion({ keys, openbao }: PluginConfiguration): (management: unknown) => string {
  const addresses = createKnownAddresses(openbao);
  return (management) => {
    const values = management ?? {};
    if (!isPlainObject(values)) throw refusal('the access data of the key cannot be used');
    const { texts, unusable } = readFields({ address, region }, values);
    if (unusable.includes('region')) throw refusal('the region in the access data is malformed');
    const label = texts.region ?? addresses.regionOf(texts.address ?? '') ?? keys.region;
    if (label === undefined) throw refusal('the region of the key is not known: name it in the access data');
    return label;
  };
}

function refusal(message: string): KeystoreError {
  return new KeystoreError('invalid-request', message, { fields: [FIELD] });
}
