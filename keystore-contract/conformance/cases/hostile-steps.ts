import { MIB } from './requests.ts';

/** Key ids that no Transit key can have. */
export const KEY_IDS: readonly string[] = [
  '',
  '.',
  '..',
  '../../sys/seal',
  'a/b',
  '/a',
  'a/',
  'a%2fb',
  'a?list=true',
  'a#b',
  'a\\b',
  'a b',
  'a\0b',
  'a\r\nX-Vault-Token: t',
  'ключ',
  '\u202e',
  '{{mount}}',
  'a${mount}',
  '<script>',
  '-a',
  'a-',
  'x'.repeat(256),
  'x'.repeat(MIB),
];

/** Members of the access data that cannot be what they say. */
export const PLACES: readonly Readonly<Record<string, unknown>>[] = [
  { address: 'x'.repeat(MIB) },
  { address: ['https://127.0.0.1'] },
  { address: { toString: 'https://127.0.0.1' } },
  { address: 7 },
  { namespace: true },
  { namespace: 'a//b' },
  { namespace: 'x'.repeat(MIB) },
  { mountPath: 'x'.repeat(MIB) },
  { mountPath: 'transit/../sys' },
  { mountPath: '/transit' },
  { mountPath: 'transit?x=1' },
  { authMountPath: 'cert%2f..' },
  { authMountPath: 1e308 },
  { roleName: '../admin' },
  { roleName: ['admin'] },
];

/** The same of what CMK always sends. */
export const CREDENTIALS: readonly Readonly<Record<string, unknown>>[] = [
  { clientCert: 'x'.repeat(MIB) },
  { clientCert: 7 },
  { clientCert: ['x'] },
  { clientCert: 'x' },
  { privateKey: 'x'.repeat(MIB) },
  { privateKey: true },
  { privateKey: { key: 'x' } },
  { privateKey: 'x' },
  { authType: 'AUTH_TYPE_NOBODY_KNOWS' },
  { authType: 7 },
];

const PAYLOAD = Buffer.alloc(32, 9).toString('base64');

/** Texts that are no ciphertext, or one in another spelling than the keystore's own. */
export const CIPHERTEXTS: readonly string[] = [
  '',
  'vault:v1:',
  'vault:v1:AAAA',
  `vault:v0:${PAYLOAD}`,
  `vault:v01:${PAYLOAD}`,
  `vault:v-1:${PAYLOAD}`,
  `vault:v12345678901:${PAYLOAD}`,
  `vault:v1:${PAYLOAD}\n`,
  ` vault:v1:${PAYLOAD}`,
  `vault:v1:${PAYLOAD.slice(0, -1)}`,
  `VAULT:v1:${PAYLOAD}`,
  `vault:v1:${PAYLOAD.replaceAll('C', '-')}`,
  'x'.repeat(MIB),
];

export const REQUEST_IDS: readonly string[] = ['', 'a b', 'x'.repeat(129), 'a\r\nb', 'ä', 'x'.repeat(MIB)];
export const VERSION_IDS: readonly string[] = ['', '0', '01', '-1', '1.0', ' 1', '1\n', '٣', '9'.repeat(MIB)];

/** An object of so many levels. */
export function deep(levels: number): unknown {
  return Array.from({ length: levels }).reduce<unknown>((inner) => ({ level: inner }), 'bottom');
}

/** An object of so many members. */
export function wide(members: number): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: members }, (_, index) => [`member${index}`, index]));
}
