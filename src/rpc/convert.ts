import type { Timestamp } from '../../proto/gen/google/protobuf/timestamp.ts';
import { HealthState, KeyStatus } from '../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import { KeyAlgorithm } from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import type { KeyAlgorithmName, KeyState } from '../keystore/key-types.ts';
import type * as keystore from '../keystore/keystore.ts';

/** The domain's words in the contract's numbers. */
export const ALGORITHMS: Readonly<Record<KeyAlgorithmName, KeyAlgorithm>> = {
  AES256: KeyAlgorithm.KEY_ALGORITHM_AES256,
  RSA3072: KeyAlgorithm.KEY_ALGORITHM_RSA3072,
  RSA4096: KeyAlgorithm.KEY_ALGORITHM_RSA4096,
};

/** The domain's word for an algorithm of the contract; undefined for one that is unspecified or unknown. */
export function algorithmName(algorithm: KeyAlgorithm): KeyAlgorithmName | undefined {
  return (Object.keys(ALGORITHMS) as KeyAlgorithmName[]).find((name) => ALGORITHMS[name] === algorithm);
}

export const KEY_STATUSES: Readonly<Record<KeyState, KeyStatus>> = {
  ENABLED: KeyStatus.KEY_STATUS_ENABLED,
  DISABLED: KeyStatus.KEY_STATUS_DISABLED,
  PENDING_IMPORT: KeyStatus.KEY_STATUS_PENDING_IMPORT,
};

export const HEALTH_STATES: Readonly<Record<keystore.HealthState, HealthState>> = {
  UNKNOWN: HealthState.HEALTH_STATE_UNSPECIFIED,
  ACTIVE: HealthState.HEALTH_STATE_ACTIVE,
  DEGRADED: HealthState.HEALTH_STATE_DEGRADED,
  UNAVAILABLE: HealthState.HEALTH_STATE_UNAVAILABLE,
};

/** `google.protobuf.Timestamp` of an instant. */
export function toTimestamp({ seconds, nanos }: keystore.Instant): Timestamp {
  return { seconds: BigInt(seconds), nanos };
}

/** `google.protobuf.Timestamp` of a date. */
export function toTimestampOfDate(date: Date): Timestamp {
  const ms = date.getTime();
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}
