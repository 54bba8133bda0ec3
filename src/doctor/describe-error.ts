import type { KeystoreError } from '../keystore/errors.ts';

/** A failure in one sentence: what it says of itself, its class, and the code or status behind it. */
export function describeError({ class: errorClass, details, message }: KeystoreError): string {
  const { cause, fields, httpStatus, source } = details;
  const facts = [
    errorClass,
    ...(httpStatus === undefined ? [] : [`status ${httpStatus}`]),
    ...(cause === undefined ? [] : [cause]),
    ...(fields === undefined ? [] : [fields.join(', ')]),
  ];
  return `${message} (${facts.join(', ')})${source === undefined ? '' : `: ${source}`}`;
}
