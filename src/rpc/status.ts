import { Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';

import { formatStatusDetails, STATUS_DETAILS_KEY } from '../../plugin-protocol/status-details.ts';
import type { KeystoreError } from '../keystore/errors.ts';
import { ERROR_TABLE, type ErrorRow } from './error-table.ts';

/**
 * Which column of the error table answers: the crypto service, the operations service, or its two reads, where CMK knows
 * a third exact pair.
 */
export type Face = 'crypto' | 'operations' | 'read';

/** What a failed call answers. `reference` finds the log line of an internal error. */
export function toStatus(
  error: KeystoreError,
  face: Face,
  reference?: string,
): Partial<StatusObject> & Pick<ServiceError, 'code'> {
  const row = ERROR_TABLE[error.class];
  const { code, message = error.message } = pairOf(row, face);
  const details = reference === undefined ? message : `${message} (reference ${reference})`;
  const retryDelayMs = error.details.retryAfterMs ?? row.retryDelayMs;
  const metadata = new Metadata();
  const embedded = formatStatusDetails({
    code,
    message: details,
    errorInfo: { reason: reasonOf(error), domain: '', metadata: metadataOf(error, row) },
    ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
  });
  metadata.set(STATUS_DETAILS_KEY, embedded);
  return { code, details, metadata };
}

function pairOf(row: ErrorRow, face: Face) {
  if (face === 'read') return row.read ?? row.operations ?? row.crypto;
  if (face === 'operations') return row.operations ?? row.crypto;
  return row.crypto;
}

/** `ErrorInfo.reason` of a failure. */
export function reasonOf({ class: errorClass, details }: KeystoreError): string {
  return details.accessDataReason ?? ERROR_TABLE[errorClass].reason;
}

// A trailer has little room, and the configuration's text may have any number of problems.
const MAX_FIELDS = 20;

// CMK passes metadata on to tenants as context of its error; `missingFields` is the name it knows.
function metadataOf({ details }: KeystoreError, { detail }: ErrorRow): Record<string, string> {
  const fields = details.fields?.slice(0, MAX_FIELDS).join(',');
  return {
    ...(fields === undefined
      ? {}
      : { [details.accessDataReason === 'MISSING_FIELDS' ? 'missingFields' : 'fields']: fields }),
    ...(detail === undefined ? {} : { detail }),
    ...(details.policyPath === undefined ? {} : { path: details.policyPath }),
    ...(details.capability === undefined ? {} : { capability: details.capability }),
  };
}
