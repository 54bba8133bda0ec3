import { OpenBaoKeyAccessData } from '../../proto/gen/plugin/keystore/openbao/v1/access_data.ts';
import type { RegionAccess } from '../keystore/admission.ts';

/**
 * The bytes that CMK passes unread to the operator of a region. No consumer's format is published; should one be, this is
 * what changes.
 */
export function encodeRegionAccess({ region: _, ...access }: RegionAccess): Buffer {
  return Buffer.from(OpenBaoKeyAccessData.encode({ ...access, caReference: '' }).finish());
}
