import type { PluginType } from '../../keystore-contract/plugin-types.ts';

/** Methods that an example can be made for. A token is for development. */
export const EXAMPLE_METHODS = ['callCertificate', 'approle', 'kubernetes', 'jwt', 'cert'] as const;

export type ExampleMethod = (typeof EXAMPLE_METHODS)[number];

const file = (path: string) => ({ source: 'file', file: { path } });

const AUTH: Readonly<Record<ExampleMethod, object>> = {
  callCertificate: { method: 'callCertificate' },
  approle: {
    method: 'approle',
    roleId: '0b2f6a0e-1d4c-4c2e-9a57-0d1b6f3f9a11',
    secretId: file('/run/secrets/openbao-secret-id'),
  },
  kubernetes: { method: 'kubernetes', role: 'keystoreop' },
  jwt: { method: 'jwt', role: 'keystoreop', tokenPath: '/run/secrets/identity-token' },
  cert: {
    method: 'cert',
    role: 'keystoreop',
    certificate: file('/etc/openkcm/tls/tls.crt'),
    key: file('/etc/openkcm/tls/tls.key'),
  },
};

const CA = file('/etc/openkcm/openbao-ca.pem');

/** The keys that an example sets; all others it shows with their defaults, as comments. */
export function exampleValues(type: PluginType, method: ExampleMethod): object {
  const openbao =
    method === 'callCertificate'
      ? { allowedAddresses: [{ pattern: 'https://*.bao.example.com:8200', ca: CA }] }
      : { addresses: ['https://bao.example.com:8200'], ca: CA };
  const provider = { isolation: 'namespace', ca: file('/etc/openkcm/tenant-ca.pem') };
  return { openbao, auth: AUTH[method], ...(type === 'KeystoreProvider' && { provider }) };
}
