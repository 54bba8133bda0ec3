import { status } from '@grpc/grpc-js';

import type { CallStep, ConformanceCase } from '../case.ts';
import { AES256, CREATED, importing, IMPORTED_KEY, INVALID, ofKey, PENDING_KEY, PRECONDITION } from './requests.ts';

export const STILL_WAITS: CallStep = { call: 'GetKey', request: ofKey(CREATED), answers: { status: 'PENDING_IMPORT' } };
export const IS_ENABLED: CallStep = {
  call: 'GetKey',
  request: ofKey(CREATED),
  answers: { keyId: CREATED, algorithm: AES256, status: 'ENABLED', latestKeyVersionId: '1' },
};

export const IMPORT_KEY_CASES: readonly ConformanceCase[] = [
  {
    id: 'BYOK-IMPORT-01',
    title: 'after the import the key is there',
    profiles: ['BYOK'],
    requirements: ['R-KEY-31'],
    row: '7.3 ImportKeyMaterial, good material; B7',
    steps: [
      ...PENDING_KEY,
      { wrap: '$parameters', as: 'wrapped' },
      { call: 'ImportKeyMaterial', request: importing('$wrapped'), answers: {} },
      IS_ENABLED,
      {
        call: 'GetKeyVersions',
        request: ofKey(CREATED),
        answers: { versions: { is: 'list', length: 1, each: { versionId: '1', status: 'ENABLED' } } },
      },
    ],
  },
  {
    id: 'BYOK-IMPORT-02',
    title: 'the key is the one that was brought: what was encrypted outside decrypts',
    profiles: ['BYOK', 'DATA'],
    requirements: ['R-KEY-31'],
    row: '8.2 B7',
    steps: [
      ...IMPORTED_KEY,
      { encryptWith: '$wrapped.material', plaintext: 'encrypted before the key was brought', as: 'outside' },
      {
        call: 'Decrypt',
        request: { ...ofKey(CREATED), ciphertext: '$outside' },
        answers: { plaintext: Buffer.from('encrypted before the key was brought'), keyVersionId: '1' },
      },
    ],
  },
  {
    id: 'BYOK-IMPORT-03',
    title: 'the same import again is done already, also at once',
    profiles: ['BYOK'],
    requirements: ['R-KEY-35', 'R-KEY-36'],
    row: '7.3 ImportKeyMaterial, repeated after a lost answer; B8',
    steps: [
      ...PENDING_KEY,
      { wrap: '$parameters', as: 'wrapped' },
      { call: 'ImportKeyMaterial', request: importing('$wrapped'), times: 3, answers: {} },
      { call: 'ImportKeyMaterial', request: importing('$wrapped'), answers: {} },
      IS_ENABLED,
    ],
  },
  {
    id: 'BYOK-IMPORT-04',
    title: 'other material is refused once a key has its own, which stays',
    profiles: ['BYOK', 'DATA'],
    requirements: ['R-KEY-35'],
    row: '7.3 ImportKeyMaterial, key existed before; B8',
    steps: [
      ...IMPORTED_KEY,
      { wrap: '$parameters', as: 'other' },
      { call: 'ImportKeyMaterial', request: importing('$other'), refused: PRECONDITION },
      IS_ENABLED,
      { encryptWith: '$wrapped.material', plaintext: 'the first material stays', as: 'outside' },
      {
        call: 'Decrypt',
        request: { ...ofKey(CREATED), ciphertext: '$outside' },
        answers: { plaintext: Buffer.from('the first material stays') },
      },
    ],
  },
  {
    id: 'BYOK-IMPORT-05',
    title: 'parameters of one key do not serve another',
    profiles: ['BYOK'],
    requirements: ['R-KEY-39'],
    row: '7.3 ImportKeyMaterial, providerParams unknown',
    steps: [
      ...PENDING_KEY,
      { wrap: '$parameters', as: 'wrapped' },
      ...PENDING_KEY.map((step) => ('as' in step && step.as === 'parameters' ? { ...step, as: 'second' } : step)),
      { call: 'ImportKeyMaterial', request: importing('$wrapped', CREATED, '$parameters'), refused: INVALID },
      STILL_WAITS,
    ],
  },
  {
    id: 'BYOK-IMPORT-06',
    title: 'parameters that are none',
    profiles: ['BYOK'],
    requirements: ['R-KEY-39', 'R-ERR-10'],
    row: '7.3 ImportKeyMaterial, providerParams unknown; B8',
    steps: [
      ...PENDING_KEY,
      { wrap: '$parameters', as: 'wrapped' },
      ...[undefined, '', 'nonsense', '{}', '[]', 7, true, ['x'], { a: 1 }].map((providerParams): CallStep => ({
        call: 'ImportKeyMaterial',
        request: { ...importing('$wrapped'), importParameters: { providerParams } },
        refused: INVALID,
      })),
      {
        call: 'ImportKeyMaterial',
        request: { ...importing('$wrapped'), importParameters: undefined },
        refused: INVALID,
      },
      STILL_WAITS,
    ],
  },
  {
    id: 'BYOK-IMPORT-07',
    title: 'parameters after their time',
    profiles: ['BYOK'],
    requirements: ['R-KEY-39'],
    row: '7.3 ImportKeyMaterial, providerParams expired; B8',
    steps: [
      ...PENDING_KEY,
      { wrap: '$parameters', as: 'wrapped' },
      { act: 'expire', on: '$parameters.importParameters.providerParams', as: 'expired' },
      {
        call: 'ImportKeyMaterial',
        request: { ...importing('$wrapped'), importParameters: { providerParams: '$expired' } },
        refused: INVALID,
      },
      STILL_WAITS,
    ],
  },
  {
    id: 'BYOK-IMPORT-08',
    title: 'a key that was never created',
    profiles: ['BYOK'],
    requirements: ['R-KEY-39'],
    row: '7.3 ImportKeyMaterial; 7.5',
    steps: [
      ...PENDING_KEY,
      { wrap: '$parameters', as: 'wrapped' },
      {
        call: 'ImportKeyMaterial',
        request: importing('$wrapped', '$missingKey'),
        ends: [status.INVALID_ARGUMENT, status.NOT_FOUND, status.FAILED_PRECONDITION],
      },
    ],
  },
  {
    id: 'BYOK-IMPORT-09',
    title: 'the key is the one that was brought: what it encrypts decrypts outside',
    profiles: ['BYOK', 'DATA'],
    requirements: ['R-KEY-31'],
    row: '8.2 B7',
    steps: [
      ...IMPORTED_KEY,
      {
        call: 'Encrypt',
        request: { ...ofKey(CREATED), plaintext: Buffer.from('encrypted inside, decrypted outside') },
        answers: { keyVersionId: '1' },
        as: 'inside',
      },
      {
        decryptWith: '$wrapped.material',
        ciphertext: '$inside.ciphertext',
        plaintext: 'encrypted inside, decrypted outside',
      },
    ],
  },
];
