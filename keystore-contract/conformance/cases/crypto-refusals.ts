import { status } from '@grpc/grpc-js';

import { KeyStatus } from '../../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import type { ConformanceCase } from '../case.ts';
import { CRYPTO_REFUSALS } from '../pairs.ts';
import { decrypts, encrypt, PLAINTEXT } from './crypto-steps.ts';
import { AES256, config, ofKey, UNAVAILABLE, UNUSABLE_ACCESS_DATA } from './requests.ts';

const { authentication, denied, keyDisabled, keyUnusable } = CRYPTO_REFUSALS;

export const CRYPTO_REFUSAL_CASES: readonly ConformanceCase[] = [
  {
    id: 'DATA-DISABLED-01',
    title: 'the kill switch stops all three, and its end lets them go on',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-09'],
    row: 'design 9, key-disabled',
    steps: [
      { act: 'newKey', as: 'own' },
      encrypt('made', '$own'),
      { act: 'softDelete', on: '$own' },
      { call: 'Encrypt', request: { ...ofKey('$own'), plaintext: PLAINTEXT }, refused: keyDisabled },
      { call: 'Decrypt', request: { ...ofKey('$own'), ciphertext: '$made.ciphertext' }, refused: keyDisabled },
      { call: 'Rewrap', request: { ...ofKey('$own'), ciphertext: '$made.ciphertext' }, refused: keyDisabled },
      {
        call: 'GetKeyStatus',
        request: ofKey('$own'),
        answers: { status: KeyStatus.KEY_STATUS_DISABLED, latestKeyVersionId: '1' },
      },
      { act: 'restore', on: '$own' },
      decrypts('$made.ciphertext', '$own'),
    ],
  },
  {
    id: 'DATA-REFUSED-01',
    title: 'what the identity may not do',
    profiles: ['DATA'],
    requirements: ['R-ERR-12'],
    row: 'design 9, permission-denied',
    steps: [{ call: 'GetKeyStatus', request: ofKey('$deniedKey'), refused: denied }],
  },
  {
    id: 'DATA-REFUSED-02',
    title: 'a certificate that the keystore does not know',
    profiles: ['DATA'],
    requirements: ['R-AUTH-20'],
    row: 'design 9, login-refused',
    steps: [
      { call: 'GetKeyStatus', request: ofKey('$key', '$strangerValues'), refused: authentication },
      {
        call: 'Encrypt',
        request: { ...ofKey('$key', '$strangerValues'), plaintext: PLAINTEXT },
        refused: authentication,
      },
    ],
  },
  {
    id: 'DATA-REFUSED-03',
    title: 'a key that cannot encrypt, and a derived one',
    profiles: ['DATA'],
    requirements: ['R-ERR-01'],
    row: 'design 9, key-unusable',
    steps: [
      { call: 'Encrypt', request: { ...ofKey('$signingKey'), plaintext: PLAINTEXT }, refused: keyUnusable },
      { call: 'Encrypt', request: { ...ofKey('$derivedKey'), plaintext: PLAINTEXT }, refused: keyUnusable },
    ],
  },
  {
    id: 'DATA-REFUSED-04',
    title: 'access data that cannot be used are told as the operations service tells them',
    profiles: ['DATA'],
    requirements: ['R-CONF-19', 'R-ERR-01'],
    row: 'design 9, invalid-access-data',
    steps: [
      {
        call: 'Encrypt',
        request: { ...ofKey('$key', '$forbiddenAddressValues'), plaintext: PLAINTEXT },
        refused: UNUSABLE_ACCESS_DATA,
      },
      { call: 'CheckHealth', request: config('$forbiddenAddressValues'), refused: UNUSABLE_ACCESS_DATA },
    ],
  },
  {
    id: 'DATA-REFUSED-05',
    title: 'a sealed keystore is unavailable, and serves again without a restart',
    profiles: ['DATA'],
    requirements: ['R-ERR-04', 'R-ERR-11'],
    row: 'design 9, sealed',
    steps: [
      encrypt('made'),
      { act: 'seal' },
      { call: 'Decrypt', request: { ...ofKey('$key'), ciphertext: '$made.ciphertext' }, refused: UNAVAILABLE },
      { act: 'unseal' },
      decrypts('$made.ciphertext'),
    ],
    finally: [{ act: 'unseal' }],
  },
  {
    id: 'DATA-PENDING-01',
    title: 'a key that waits for its material encrypts nothing',
    profiles: ['BYOK', 'DATA'],
    requirements: ['R-CRYPTO-20'],
    row: 'design 9, key-pending-import',
    steps: [
      { act: 'newId', as: 'id' },
      {
        call: 'CreateKey',
        request: { ...config(), id: '$id', algorithm: AES256, keyType: 2, region: '$keyRegion' },
        answers: {},
        as: 'created',
      },
      {
        call: 'GetKeyStatus',
        request: ofKey('$created.keyId'),
        answers: { status: KeyStatus.KEY_STATUS_PENDING_IMPORT, algorithm: AES256, latestKeyVersionId: '' },
      },
      {
        call: 'Encrypt',
        request: { ...ofKey('$created.keyId'), plaintext: PLAINTEXT },
        ends: [status.NOT_FOUND, status.FAILED_PRECONDITION],
      },
    ],
  },
];
