import { Struct } from '../../../proto/gen/google/protobuf/struct.ts';
import { createAdmission } from '../../../src/config/admission.ts';
import { parseConfiguration } from '../../../src/config/parse.ts';
import type { Admission } from '../../../src/keystore/admission.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';

export const ADDRESS = 'https://eu.bao.example.com:8200';
export const CONFIGURED = 'https://own.example.com:8200';

/** CMK's way: calls bring their certificate, and tenants may name some addresses. */
export const CALL_CERTIFICATE = `
openbao:
  addresses: [${CONFIGURED}]
  namespace: home
  transitMount: keys/transit
  allowedAddresses:
    - { pattern: 'https://*.bao.example.com:8200', region: by-pattern }
    - { pattern: 'https://10.1.2.3:8200', privateAddresses: true, region: private }
    - { pattern: 'https://10.1.2.4:8200' }
    - { pattern: 'https://localhost:8200' }
    - { pattern: 'https://[::1]:8200' }
    - { pattern: 'https://[::ffff:a01:203]:8200' }
    - { pattern: 'https://9.9.9.9:8200' }
auth: { mount: cert/tenants }
`;

/** One identity of the process, which tenants may not steer. */
export const APPROLE = `
openbao:
  addresses: [${CONFIGURED}, 'https://second.example.com']
  namespace: home
  transitMount: keys/transit
  allowedAddresses: [{ pattern: 'https://*.bao.example.com:8200' }]
auth: { method: approle, mount: approle/eu, roleId: r, secretId: { source: file, file: { path: /s } } }
`;

export function admissionOf(yaml: string): Admission {
  return createAdmission(parseConfiguration(yaml, { type: 'KeystoreInstanceKeyOperation' }));
}

/** What is said of a refusal; undefined when nothing is refused. Anything but a KeystoreError fails the test. */
export function refusalOf(action: () => unknown): Pick<KeystoreError, 'class' | 'message' | 'details'> | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (!(error instanceof KeystoreError)) throw error;
    return { class: error.class, message: error.message, details: error.details };
  }
}

/** As a Struct arrives: encoded and decoded by the generated code. */
export function overTheWire(value: Record<string, unknown>): unknown {
  return Struct.unwrap(Struct.decode(Struct.encode({ fields: new Map(Object.entries(value)) }).finish()));
}

/** The object with a member `__proto__` of its own. */
export function withProto(value: unknown, others: Record<string, unknown> = {}): Record<string, unknown> {
  return Object.defineProperty({ ...others }, '__proto__', { value, enumerable: true });
}
