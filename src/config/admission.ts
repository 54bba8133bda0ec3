import type { Admission } from '../keystore/admission.ts';
import { KeystoreError } from '../keystore/errors.ts';
import type { PluginConfiguration } from './configuration.ts';
import { refuseKey } from './key-refusal.ts';
import { createKeyRegion } from './key-region.ts';
import { createRegionDescriber } from './region-access.ts';
import { createTenantDataReader, type Fault, judgeFaults } from './tenant-access-data.ts';

const TEXTS = {
  MISSING_FIELDS: 'access data is missing',
  CANNOT_PARSE_DATA: 'access data cannot be used',
} as const;

/** Decides by the configuration what may be made, registered and passed on. Makes no connection and resolves no name. */
export function createAdmission(configuration: PluginConfiguration): Admission {
  const reader = createTenantDataReader(configuration);

  return {
    refuseKey: (candidate) => refuseKey(candidate, configuration.keys.regions),
    checkAccessData(management, crypto) {
      const regions = reader.crypto(crypto);
      const noRegions: Fault = { kind: 'unusable', field: 'crypto' };
      const verdict = judgeFaults([
        ...reader.management(management).faults,
        ...(regions?.flatMap(({ faults }) => faults) ?? [noRegions]),
      ]);
      if (verdict === undefined) return;
      const { errorClass, fields, reason } = verdict;
      throw new KeystoreError(errorClass, TEXTS[reason], { fields, accessDataReason: reason });
    },
    regionOf: createKeyRegion(configuration),
    describeRegions: createRegionDescriber(configuration, reader),
  };
}
