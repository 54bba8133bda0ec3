import { status } from '@grpc/grpc-js';

import type { CallStep, ConformanceCase } from '../case.ts';
import { CRYPTO_REFUSALS } from '../pairs.ts';
import { CIPHERTEXTS, deep, REQUEST_IDS, VERSION_IDS, wide } from './hostile-steps.ts';
import {
  AES256,
  config,
  creation,
  INVALID,
  MIB,
  ofKey,
  PENDING_KEY,
  STILL_SERVES,
  UNUSABLE_ACCESS_DATA,
} from './requests.ts';

const PLAINTEXT = Buffer.from('conformance plaintext');
const NO_MATERIAL = Buffer.alloc(48, 9).toString('base64');

/** Every other field, at every size and depth. */
export const HOSTILE_SIZE_CASES: readonly ConformanceCase[] = [
  {
    id: 'HYOK-HOSTILE-04',
    title: 'access data of ten thousand members, and of twenty levels',
    profiles: ['HYOK'],
    requirements: ['R-ERR-10'],
    row: 'A13',
    steps: [wide(10_000), { deep: deep(20) }, { deepList: [[[[deep(10)]]]] }].flatMap((more): CallStep[] => [
      {
        call: 'GetKey',
        request: ofKey('$key', { '...': '$values', ...more }),
        ends: [status.OK, status.INVALID_ARGUMENT],
      },
      STILL_SERVES,
    ]),
  },
  {
    id: 'HYOK-HOSTILE-05',
    title: 'access data of a thousand levels, more than a decoder need take',
    profiles: ['HYOK'],
    requirements: ['R-ERR-10'],
    row: 'A13',
    steps: [
      {
        call: 'GetKey',
        request: ofKey('$key', { '...': '$values', deep: deep(1000) }),
        // gRPC itself answers INTERNAL to bytes that the decoder refuses.
        ends: [status.OK, status.INVALID_ARGUMENT, status.INTERNAL],
      },
      STILL_SERVES,
    ],
  },
  {
    id: 'HYOK-HOSTILE-06',
    title: 'access data to validate of every size and depth',
    profiles: ['HYOK'],
    requirements: ['R-ERR-10'],
    row: 'A13',
    steps: [
      ...[wide(10_000), { deep: deep(20) }, { address: 'x'.repeat(MIB) }].flatMap((more): CallStep[] => [
        {
          call: 'ValidateKeyAccessData',
          request: { management: { '...': '$management', ...more }, crypto: {} },
          refused: UNUSABLE_ACCESS_DATA,
        },
        {
          call: 'ValidateKeyAccessData',
          request: { management: '$management', crypto: { eu10: { '...': '$region', ...more } } },
          refused: UNUSABLE_ACCESS_DATA,
        },
      ]),
      STILL_SERVES,
    ],
  },
  {
    id: 'HYOK-HOSTILE-07',
    title: 'crypto access data to transform of every size and depth',
    profiles: ['HYOK'],
    requirements: ['R-ERR-10'],
    row: 'A13',
    steps: [
      ...[{ eu10: deep(1000) }, wide(10_000), { ['x'.repeat(MIB)]: '$region' }, { eu10: 'x'.repeat(MIB) }].map(
        (json): CallStep => ({
          call: 'TransformCryptoAccessData',
          request: { nativeKeyId: '$key', accessData: { json } },
          ends: [status.OK, status.INVALID_ARGUMENT],
        }),
      ),
      {
        call: 'TransformCryptoAccessData',
        request: { nativeKeyId: '$key', accessData: Buffer.alloc(MIB, 0xff) },
        refused: INVALID,
      },
      {
        call: 'TransformCryptoAccessData',
        request: { nativeKeyId: '$key', accessData: Buffer.from('['.repeat(100_000)) },
        refused: INVALID,
      },
      {
        call: 'TransformCryptoAccessData',
        request: { nativeKeyId: 'x'.repeat(MIB), accessData: { json: { eu10: '$region' } } },
        refused: INVALID,
      },
      STILL_SERVES,
    ],
  },
  {
    id: 'HYOK-HOSTILE-08',
    title: 'a region to extract of every size and depth',
    profiles: ['HYOK'],
    requirements: ['R-ERR-10'],
    row: 'A13',
    steps: [
      ...['x'.repeat(MIB), deep(20)].map((region): CallStep => ({
        call: 'ExtractKeyRegion',
        request: { nativeKeyId: '$key', managementAccessData: { '...': '$management', region } },
        refused: INVALID,
      })),
      {
        call: 'ExtractKeyRegion',
        request: { nativeKeyId: 'x'.repeat(MIB), managementAccessData: '$management' },
        ends: [status.OK, status.INVALID_ARGUMENT],
      },
      STILL_SERVES,
    ],
  },
  {
    id: 'BYOK-HOSTILE-04',
    title: 'a creation with texts and numbers that nobody expects',
    profiles: ['BYOK'],
    requirements: ['R-ERR-10'],
    row: 'A13',
    steps: [
      { act: 'newId', as: 'id' },
      { call: 'CreateKey', request: { ...creation('$id'), region: 'x'.repeat(MIB) }, refused: INVALID },
      { call: 'CreateKey', request: { ...creation('$id'), region: '<b>\r\n</b>' }, refused: INVALID },
      {
        call: 'ValidateKey',
        request: { keyType: 2, algorithm: AES256, region: 'x'.repeat(MIB) },
        answers: { isValid: false, message: { is: 'present' } },
      },
      {
        call: 'ValidateKey',
        request: { keyType: 3, algorithm: AES256, nativeKeyId: 'x'.repeat(MIB) },
        answers: { isValid: false, message: { is: 'present' } },
      },
      STILL_SERVES,
    ],
  },
  {
    id: 'BYOK-HOSTILE-05',
    title: 'an import with parameters and material of every size and kind',
    profiles: ['BYOK'],
    requirements: ['R-ERR-10'],
    row: 'A13',
    steps: [
      ...PENDING_KEY,
      ...['x'.repeat(MIB), deep(20), 1e308, '{"expiry":'].map((providerParams): CallStep => ({
        call: 'ImportKeyMaterial',
        request: {
          ...ofKey('$created.keyId'),
          importParameters: { providerParams },
          encryptedKeyMaterial: NO_MATERIAL,
        },
        refused: INVALID,
      })),
      ...['A'.repeat(MIB), '<script>', '\u0000'].map((encryptedKeyMaterial): CallStep => ({
        call: 'ImportKeyMaterial',
        request: {
          ...ofKey('$created.keyId'),
          importParameters: { providerParams: '$parameters.importParameters.providerParams' },
          encryptedKeyMaterial,
        },
        refused: INVALID,
      })),
      { call: 'GetKey', request: ofKey('$created.keyId'), answers: { status: 'PENDING_IMPORT' } },
    ],
  },
  {
    id: 'DATA-HOSTILE-04',
    title: 'a text that is no ciphertext, or one in another spelling',
    profiles: ['DATA'],
    requirements: ['R-CIPHER-02', 'R-ERR-10'],
    row: 'design 4, ciphertext grammar',
    steps: [
      ...CIPHERTEXTS.map((text) => Buffer.from(text)).flatMap((ciphertext): CallStep[] => [
        {
          call: 'Decrypt',
          request: { ...ofKey('$key'), ciphertext },
          refused: CRYPTO_REFUSALS.malformedCiphertext,
        },
        { call: 'Rewrap', request: { ...ofKey('$key'), ciphertext }, refused: CRYPTO_REFUSALS.malformedCiphertext },
      ]),
      STILL_SERVES,
    ],
  },
  {
    id: 'DATA-HOSTILE-05',
    title: 'a request id that is none',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-12', 'R-ERR-10'],
    row: 'design 4, request_id',
    steps: [
      ...REQUEST_IDS.flatMap((requestId): CallStep[] => [
        { call: 'GetKeyStatus', request: { ...ofKey('$key'), requestId }, refused: INVALID },
        { call: 'Encrypt', request: { ...ofKey('$key'), plaintext: PLAINTEXT, requestId }, refused: INVALID },
        { call: 'CheckHealth', request: { ...config(), requestId }, refused: INVALID },
      ]),
      STILL_SERVES,
    ],
  },
  {
    id: 'DATA-HOSTILE-06',
    title: 'a key version id that is none',
    profiles: ['DATA'],
    requirements: ['R-CIPHER-03', 'R-ERR-10'],
    row: 'design 4, key_version_id',
    steps: [
      ...VERSION_IDS.map((keyVersionId): CallStep => ({
        call: 'Encrypt',
        request: { ...ofKey('$key'), plaintext: PLAINTEXT, keyVersionId },
        refused: INVALID,
      })),
      STILL_SERVES,
    ],
  },
];
