import type { CallStep, ConformanceCase, StructTemplate } from '../case.ts';
import { CREDENTIALS, KEY_IDS, PLACES } from './hostile-steps.ts';
import { AES256, config, creation, INVALID, ofKey, STILL_SERVES, UNUSABLE_ACCESS_DATA } from './requests.ts';

const CIPHERTEXT = Buffer.from(`vault:v1:${Buffer.alloc(32, 9).toString('base64')}`);
const PLAINTEXT = Buffer.from('conformance plaintext');

const CALLS: Readonly<Record<'HYOK' | 'BYOK' | 'DATA', (keyId: string, values?: StructTemplate) => CallStep[]>> = {
  HYOK: (keyId, values) => [
    { call: 'GetKey', request: ofKey(keyId, values), refused: INVALID },
    { call: 'GetKeyVersions', request: ofKey(keyId, values), refused: INVALID },
  ],
  BYOK: (keyId, values) => [
    { call: 'CreateKey', request: { ...creation(keyId), ...config(values) }, refused: INVALID },
    { call: 'GetImportParameters', request: { ...ofKey(keyId, values), algorithm: AES256 }, refused: INVALID },
    {
      call: 'ImportKeyMaterial',
      request: {
        ...ofKey(keyId, values),
        importParameters: { providerParams: 'x' },
        encryptedKeyMaterial: CIPHERTEXT.toString('base64'),
      },
      refused: INVALID,
    },
    { call: 'EnableKey', request: ofKey(keyId, values), refused: INVALID },
    { call: 'DisableKey', request: ofKey(keyId, values), refused: INVALID },
    { call: 'DeleteKey', request: ofKey(keyId, values), refused: INVALID },
  ],
  DATA: (keyId, values) => [
    { call: 'GetKeyStatus', request: ofKey(keyId, values), refused: INVALID },
    { call: 'Encrypt', request: { ...ofKey(keyId, values), plaintext: PLAINTEXT }, refused: INVALID },
    { call: 'Decrypt', request: { ...ofKey(keyId, values), ciphertext: CIPHERTEXT }, refused: INVALID },
    { call: 'Rewrap', request: { ...ofKey(keyId, values), ciphertext: CIPHERTEXT }, refused: INVALID },
  ],
};
const FACES = ['HYOK', 'BYOK', 'DATA'] as const;

/** A call of a face with members of the access data changed, refused with the exact pair. */
const refusedPlace = (face: (typeof FACES)[number], changes: Readonly<Record<string, unknown>>): CallStep[] =>
  CALLS[face]('$key', { '...': '$values', ...changes })
    .filter((step) => step.call !== 'ImportKeyMaterial')
    .map((step) => ({ ...step, refused: UNUSABLE_ACCESS_DATA }));

/** Everything may come in a request; nothing of it may end the plugin. */
export const HOSTILE_CASES: readonly ConformanceCase[] = [
  ...FACES.map((face): ConformanceCase => ({
    id: `${face}-HOSTILE-01`,
    title: 'a key id that is none',
    profiles: [face],
    requirements: ['R-KEY-01', 'R-ERR-10'],
    row: '7.1 G8; A13',
    steps: [...KEY_IDS.flatMap((keyId) => CALLS[face](keyId)), STILL_SERVES],
  })),
  ...FACES.map((face): ConformanceCase => ({
    id: `${face}-HOSTILE-02`,
    title: 'a place that cannot be one',
    profiles: [face],
    needs: ['openBaoAccessData'],
    requirements: ['R-CONF-15', 'R-ERR-10'],
    row: '7.1 G8; A13',
    steps: [...PLACES.flatMap((changes) => refusedPlace(face, changes)), STILL_SERVES],
  })),
  ...FACES.map((face): ConformanceCase => ({
    id: `${face}-HOSTILE-03`,
    title: 'a credential that cannot be one',
    profiles: [face],
    needs: ['callCertificate'],
    requirements: ['R-CONF-15', 'R-ERR-10'],
    row: '7.1 G8; A13',
    steps: [...CREDENTIALS.flatMap((changes) => refusedPlace(face, changes)), STILL_SERVES],
  })),
];
