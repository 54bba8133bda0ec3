import { isKeyId, isRequestId, parseKeyVersionId } from '../../keystore-contract/key-id.ts';
import type { KeystoreInstanceConfig } from '../../proto/gen/plugin/keystore/common/v1/common.ts';
import type { RequestParameters } from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { AccessDataError, readCallConfig } from '../config/access-data.ts';
import { KeystoreError } from '../keystore/errors.ts';
import type { KeystoreCall } from '../keystore/call.ts';
import type { UnaryContext } from './unary.ts';

/**
 * Checks what a request says of where and as whom. A missing Struct is an empty one.
 *
 * @throws KeystoreError `invalid-access-data`, `invalid-request`.
 */
export function toKeystoreCall(
  config: KeystoreInstanceConfig | undefined,
  context: UnaryContext,
  requestId?: string,
): KeystoreCall {
  if (requestId !== undefined && !isRequestId(requestId)) throw invalid('request_id', 'is malformed');
  const { correlationId, ...call } = context;
  const id = requestId ?? correlationId;
  return { access: readAccess(config), ...call, ...(id === undefined ? {} : { requestId: id }) };
}

function readAccess(config: KeystoreInstanceConfig | undefined): KeystoreCall['access'] {
  try {
    return readCallConfig(config?.values);
  } catch (error) {
    if (!(error instanceof AccessDataError)) throw error;
    throw new KeystoreError('invalid-access-data', 'access data cannot be used', {
      fields: error.fields,
      accessDataReason: error.reason,
    });
  }
}

/** @throws KeystoreError `invalid-request` when it is absent or no key id; `field` is what the contract calls it. */
export function requireKeyId(parameters: Pick<RequestParameters, 'keyId'> | undefined, field = 'key_id'): string {
  const keyId = parameters?.keyId ?? '';
  if (keyId === '') throw invalid(field, 'is missing');
  if (!isKeyId(keyId)) throw invalid(field, 'is malformed');
  return keyId;
}

/** @throws KeystoreError `invalid-request` when it is given and no version id. */
export function optionalKeyVersion(id: string | undefined): number | undefined {
  if (id === undefined) return undefined;
  const version = parseKeyVersionId(id);
  if (version === undefined) throw invalid('key_version_id', 'is malformed');
  return version;
}

/** An `invalid-request` that names the field and never what it holds. */
export function invalid(field: string, problem: string): KeystoreError {
  return new KeystoreError('invalid-request', `${field} ${problem}`, { fields: [field] });
}

const LOGGED_KEY_ID = 255;

/** Fields of a call's log line. A key id that is no key id is not repeated. */
export function describeKeyCall(request: {
  readonly parameters?: RequestParameters | undefined;
  readonly requestId?: string | undefined;
}): Record<string, unknown> {
  const keyId = request.parameters?.keyId ?? '';
  const { requestId } = request;
  return {
    key_id: keyId.length <= LOGGED_KEY_ID && isKeyId(keyId) ? keyId : undefined,
    request_id: requestId !== undefined && isRequestId(requestId) ? requestId : undefined,
  };
}
