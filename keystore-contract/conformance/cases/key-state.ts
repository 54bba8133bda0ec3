import { EXACT_STATUSES } from '../../statuses.ts';
import type { ConformanceCase } from '../case.ts';
import { CRYPTO_REFUSALS } from '../pairs.ts';
import { CREATED, IMPORTED_KEY, ofKey, PENDING_KEY, UNAVAILABLE } from './requests.ts';

const { authentication, keyNotFound } = EXACT_STATUSES;

/** EnableKey and DisableKey. */
export const KEY_STATE_CASES: readonly ConformanceCase[] = [
  {
    id: 'BYOK-STATE-01',
    title: 'disable twice, enable twice, each read back',
    profiles: ['BYOK'],
    requirements: ['R-KEY-32'],
    row: '7.3 EnableKey, DisableKey, done, or already in that state; B9',
    steps: [
      ...IMPORTED_KEY,
      { call: 'DisableKey', request: ofKey(CREATED), answers: {} },
      { call: 'GetKey', request: ofKey(CREATED), answers: { status: 'DISABLED' } },
      { call: 'DisableKey', request: ofKey(CREATED), answers: {} },
      { call: 'GetKey', request: ofKey(CREATED), answers: { status: 'DISABLED' } },
      { call: 'EnableKey', request: ofKey(CREATED), answers: {} },
      { call: 'GetKey', request: ofKey(CREATED), answers: { status: 'ENABLED' } },
      { call: 'EnableKey', request: ofKey(CREATED), answers: {} },
      { call: 'GetKey', request: ofKey(CREATED), answers: { status: 'ENABLED', latestKeyVersionId: '1' } },
    ],
  },
  {
    id: 'BYOK-STATE-02',
    title: 'disabled and enabled several times at once',
    profiles: ['BYOK'],
    requirements: ['R-KEY-32'],
    row: '7.3 EnableKey, DisableKey; B9',
    steps: [
      ...IMPORTED_KEY,
      { call: 'DisableKey', request: ofKey(CREATED), times: 4, answers: {} },
      { call: 'GetKey', request: ofKey(CREATED), answers: { status: 'DISABLED' } },
      { call: 'EnableKey', request: ofKey(CREATED), times: 4, answers: {} },
      { call: 'GetKey', request: ofKey(CREATED), answers: { status: 'ENABLED' } },
    ],
  },
  {
    id: 'BYOK-STATE-03',
    title: 'a missing key can be neither enabled nor disabled',
    profiles: ['BYOK'],
    requirements: ['R-KEY-32', 'R-ERR-02'],
    row: '7.3 EnableKey, DisableKey, key missing; B9',
    steps: [
      { call: 'DisableKey', request: ofKey('$missingKey'), refused: keyNotFound },
      { call: 'EnableKey', request: ofKey('$missingKey'), refused: keyNotFound },
    ],
  },
  {
    id: 'BYOK-STATE-04',
    title: 'a key that waits for its material can be neither enabled nor disabled',
    profiles: ['BYOK'],
    requirements: ['R-KEY-32', 'R-ERR-02'],
    row: '7.3 EnableKey, DisableKey, not imported yet',
    steps: [
      ...PENDING_KEY,
      { call: 'DisableKey', request: ofKey(CREATED), refused: keyNotFound },
      { call: 'EnableKey', request: ofKey(CREATED), refused: keyNotFound },
      { call: 'GetKey', request: ofKey(CREATED), answers: { status: 'PENDING_IMPORT' } },
    ],
  },
  {
    id: 'BYOK-STATE-05',
    title: 'what the identity may not do',
    profiles: ['BYOK'],
    requirements: ['R-KEY-32', 'R-ERR-02'],
    row: '7.3 EnableKey, DisableKey, login refused or denied',
    steps: [
      { call: 'DisableKey', request: ofKey('$deniedKey'), refused: authentication },
      { call: 'EnableKey', request: ofKey('$deniedKey'), refused: authentication },
    ],
  },
  {
    id: 'BYOK-STATE-06',
    title: 'a certificate that the keystore does not know',
    profiles: ['BYOK'],
    requirements: ['R-KEY-32', 'R-ERR-02'],
    row: '7.3 EnableKey, DisableKey, login refused or denied',
    steps: [
      { call: 'DisableKey', request: ofKey('$key', '$strangerValues'), refused: authentication },
      { call: 'EnableKey', request: ofKey('$key', '$strangerValues'), refused: authentication },
      { call: 'DeleteKey', request: ofKey('$key', '$strangerValues'), refused: authentication },
      { call: 'GetKey', request: ofKey('$key'), answers: { status: 'ENABLED' } },
    ],
  },
  {
    id: 'BYOK-STATE-07',
    title: 'a keystore that cannot be reached',
    profiles: ['BYOK'],
    requirements: ['R-KEY-32', 'R-ERR-04'],
    row: '7.5',
    steps: [
      { call: 'DisableKey', request: ofKey('$key', '$unreachableValues'), refused: UNAVAILABLE },
      { call: 'DeleteKey', request: ofKey('$key', '$unreachableValues'), refused: UNAVAILABLE },
    ],
  },
  {
    id: 'BYOK-STATE-08',
    title: 'a disabled key encrypts and decrypts nothing until it is enabled',
    profiles: ['BYOK', 'DATA'],
    requirements: ['R-KEY-32', 'R-CRYPTO-09'],
    row: '8.2 B9',
    steps: [
      ...IMPORTED_KEY,
      { call: 'Encrypt', request: { ...ofKey(CREATED), plaintext: Buffer.from('before') }, answers: {}, as: 'made' },
      { call: 'DisableKey', request: ofKey(CREATED), answers: {} },
      {
        call: 'Encrypt',
        request: { ...ofKey(CREATED), plaintext: Buffer.from('meanwhile') },
        refused: CRYPTO_REFUSALS.keyDisabled,
      },
      {
        call: 'Decrypt',
        request: { ...ofKey(CREATED), ciphertext: '$made.ciphertext' },
        refused: CRYPTO_REFUSALS.keyDisabled,
      },
      { call: 'EnableKey', request: ofKey(CREATED), answers: {} },
      {
        call: 'Decrypt',
        request: { ...ofKey(CREATED), ciphertext: '$made.ciphertext' },
        answers: { plaintext: Buffer.from('before') },
      },
    ],
  },
];
