import type { CallStep, ConformanceCase } from '../case.ts';
import { CRYPTO_REFUSALS } from '../pairs.ts';
import { A, B, decrypts, encrypt, PLAINTEXT, resists } from './crypto-steps.ts';
import { INVALID, ofKey } from './requests.ts';

const { keyNotFound, versionRetired, versionUnknown } = CRYPTO_REFUSALS;

const CIPHERTEXT = /^vault:v[1-9]\d{0,9}:[A-Za-z0-9+/]+={0,2}$/;

export const ENCRYPT_CASES: readonly ConformanceCase[] = [
  {
    id: 'DATA-ENCRYPT-01',
    title: 'what was encrypted decrypts to the same bytes',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-01', 'R-CRYPTO-03'],
    row: 'design 4, Encrypt',
    steps: [
      {
        call: 'Encrypt',
        request: { ...ofKey('$key'), plaintext: PLAINTEXT },
        answers: { ciphertext: { is: 'like', pattern: CIPHERTEXT }, keyVersionId: { is: 'present' } },
        as: 'made',
      },
      {
        call: 'Decrypt',
        request: { ...ofKey('$key'), ciphertext: '$made.ciphertext' },
        answers: { plaintext: PLAINTEXT, keyVersionId: '$made.keyVersionId' },
      },
    ],
  },
  {
    id: 'DATA-ENCRYPT-02',
    title: 'no bytes, every byte, and 64 KiB',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-01'],
    row: 'design 4, Encrypt',
    steps: [
      Buffer.alloc(0),
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      Buffer.alloc(65_536, 7),
    ].flatMap((plaintext): CallStep[] => [
      { call: 'Encrypt', request: { ...ofKey('$key'), plaintext }, answers: {}, as: 'made' },
      {
        call: 'Decrypt',
        request: { ...ofKey('$key'), ciphertext: '$made.ciphertext' },
        answers: { plaintext },
      },
    ]),
  },
  {
    id: 'DATA-ENCRYPT-03',
    title: 'equal plaintexts give different ciphertexts',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-01'],
    row: 'design 4, Encrypt',
    steps: [
      encrypt('first'),
      {
        call: 'Encrypt',
        request: { ...ofKey('$key'), plaintext: PLAINTEXT },
        answers: { ciphertext: { is: 'differentFrom', other: '$first.ciphertext' } },
      },
    ],
  },
  {
    id: 'DATA-ENCRYPT-04',
    title: 'the newest version encrypts, older ciphertexts go on decrypting, and a version can be asked for',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-02', 'R-CRYPTO-04'],
    row: 'design 4, rules',
    steps: [
      { act: 'newKey', as: 'own' },
      encrypt('old', '$own'),
      { act: 'rotate', on: '$own' },
      {
        call: 'Encrypt',
        request: { ...ofKey('$own'), plaintext: PLAINTEXT },
        answers: { keyVersionId: '2', ciphertext: { is: 'like', pattern: /^vault:v2:/ } },
      },
      {
        call: 'Encrypt',
        request: { ...ofKey('$own'), plaintext: PLAINTEXT, keyVersionId: '1' },
        answers: { keyVersionId: '1', ciphertext: { is: 'like', pattern: /^vault:v1:/ } },
      },
      {
        call: 'Decrypt',
        request: { ...ofKey('$own'), ciphertext: '$old.ciphertext' },
        answers: { plaintext: PLAINTEXT, keyVersionId: '1' },
      },
    ],
  },
  {
    id: 'DATA-ENCRYPT-05',
    title: 'a version that the key does not have',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-02'],
    row: 'design 9, key-version-unknown',
    steps: [
      {
        call: 'Encrypt',
        request: { ...ofKey('$key'), plaintext: PLAINTEXT, keyVersionId: '999' },
        refused: versionUnknown,
      },
    ],
  },
  {
    id: 'DATA-ENCRYPT-06',
    title: 'retired versions neither encrypt nor decrypt',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-04'],
    row: 'design 9, key-version-retired',
    steps: [
      { act: 'newKey', as: 'own' },
      encrypt('old', '$own'),
      { act: 'rotate', on: '$own' },
      { act: 'retire', on: '$own' },
      {
        call: 'Decrypt',
        request: { ...ofKey('$own'), ciphertext: '$old.ciphertext' },
        refused: versionRetired,
      },
      {
        call: 'Encrypt',
        request: { ...ofKey('$own'), plaintext: PLAINTEXT, keyVersionId: '1' },
        // A keystore that has put a version away may not tell it from one that never was.
        refused: { code: versionRetired.code, reason: [versionRetired.reason, versionUnknown.reason] },
      },
    ],
  },
  {
    id: 'DATA-ENCRYPT-07',
    title: 'a missing key is not made on the way',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-10'],
    row: 'design 9, key-not-found',
    steps: [
      { call: 'Encrypt', request: { ...ofKey('$missingKey'), plaintext: PLAINTEXT }, refused: keyNotFound },
      { call: 'GetKeyStatus', request: ofKey('$missingKey'), refused: keyNotFound },
      encrypt('made'),
      {
        call: 'Decrypt',
        request: { ...ofKey('$missingKey'), ciphertext: '$made.ciphertext' },
        refused: keyNotFound,
      },
    ],
  },
  {
    id: 'DATA-ENCRYPT-08',
    title: 'sixteen at once',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-01'],
    row: 'design 6.4',
    steps: [encrypt('made'), { ...encrypt('more'), times: 16 }, { ...decrypts('$made.ciphertext'), times: 16 }],
  },
  {
    id: 'DATA-BOUND-01',
    title: 'a bound ciphertext decrypts with its associated data only',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-05', 'R-CRYPTO-06'],
    row: 'design 4, associated data',
    steps: [
      encrypt('bound', '$key', { associatedData: A }),
      decrypts('$bound.ciphertext', '$key', { associatedData: A }),
      resists('$bound.ciphertext', '$key', { associatedData: B }),
      resists('$bound.ciphertext'),
      resists('$bound.ciphertext', '$key', { associatedData: Buffer.alloc(0) }),
    ],
  },
  {
    id: 'DATA-BOUND-02',
    title: 'a free ciphertext decrypts without associated data only',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-05', 'R-CRYPTO-06'],
    row: 'design 4, associated data',
    steps: [encrypt('free'), resists('$free.ciphertext', '$key', { associatedData: A }), decrypts('$free.ciphertext')],
  },
  {
    id: 'DATA-SIZE-01',
    title: 'associated data of 64 KiB, and one byte more',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-11'],
    row: 'design 4',
    steps: [
      {
        call: 'Encrypt',
        request: { ...ofKey('$key'), plaintext: PLAINTEXT, associatedData: Buffer.alloc(65_537, 1) },
        refused: INVALID,
      },
      encrypt('made', '$key', { associatedData: Buffer.alloc(65_536, 1) }),
    ],
  },
  {
    id: 'DATA-SIZE-02',
    title: 'a plaintext that is one byte too long',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-11'],
    row: 'design 4',
    steps: [{ call: 'Encrypt', request: { ...ofKey('$key'), plaintext: '$oversizedPlaintext' }, refused: INVALID }],
  },
];
