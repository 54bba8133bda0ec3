import { ProtocolError } from '../../plugin-protocol/errors.ts';
import { KeystoreError } from '../keystore/errors.ts';

/**
 * What is logged of an error. Foreign errors carry requests, tokens and plaintexts in their other properties and behind
 * `cause`, so nothing but name, message and stack is ever read from them.
 */
export function errorFields(error: Error): Record<string, unknown> {
  const { name, message, stack } = error;
  if (error instanceof KeystoreError) return { name, class: error.class, message, details: error.details, stack };
  if (error instanceof ProtocolError) return { name, code: error.code, message, stack };
  return { name, message, stack };
}

/** Also true for an error of another realm, as Node's own are to code that runs in a `vm` context. */
export function isError(value: unknown): value is Error {
  // ES2026, which the compiler's library does not know yet.
  return (Error as unknown as { isError(value: unknown): boolean }).isError(value);
}
