import type { ConformanceCase } from '../case.ts';
import { CRYPTO_REFUSALS } from '../pairs.ts';
import { A, B, decrypts, encrypt, resists } from './crypto-steps.ts';
import { ofKey } from './requests.ts';

const { integrity, versionUnknown } = CRYPTO_REFUSALS;

export const CIPHERTEXT_CASES: readonly ConformanceCase[] = [
  {
    id: 'DATA-TAMPER-01',
    title: 'whatever is changed of a ciphertext, the answer is the same',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-06'],
    row: 'design 4, decryption failures look alike',
    steps: [
      encrypt('made'),
      { alter: '$made.ciphertext', how: 'flippedPayload', as: 'payload' },
      { alter: '$made.ciphertext', how: 'flippedNonce', as: 'nonce' },
      { alter: '$made.ciphertext', how: 'flippedTag', as: 'tag' },
      { alter: '$made.ciphertext', how: 'shortened', as: 'shortened' },
      resists('$payload'),
      resists('$nonce'),
      resists('$tag'),
      resists('$shortened'),
      decrypts('$made.ciphertext'),
    ],
  },
  {
    id: 'DATA-TAMPER-02',
    title: 'a ciphertext of another key',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-06'],
    row: 'design 4, decryption failures look alike',
    steps: [
      { act: 'newKey', as: 'own' },
      encrypt('made', '$own'),
      resists('$made.ciphertext', '$key'),
      decrypts('$made.ciphertext', '$own'),
    ],
  },
  {
    id: 'DATA-TAMPER-03',
    title: 'a ciphertext that names a version the key does not have',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-03'],
    row: 'design 9, key-version-unknown',
    steps: [
      { act: 'newKey', as: 'own' },
      encrypt('made', '$own'),
      { alter: '$made.ciphertext', how: 'otherVersion', as: 'altered' },
      { call: 'Decrypt', request: { ...ofKey('$own'), ciphertext: '$altered' }, refused: versionUnknown },
    ],
  },
  {
    id: 'DATA-TAMPER-04',
    title: 'a changed ciphertext does not become a good one by a rewrap',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-06'],
    row: 'design 4, Rewrap',
    steps: [
      encrypt('made'),
      { alter: '$made.ciphertext', how: 'flippedPayload', as: 'altered' },
      { call: 'Rewrap', request: { ...ofKey('$key'), ciphertext: '$altered' }, refused: integrity },
      {
        call: 'Rewrap',
        request: { ...ofKey('$key'), ciphertext: '$altered', newAssociatedData: A },
        refused: integrity,
      },
    ],
  },
  {
    id: 'DATA-REWRAP-01',
    title: 'a rewrap is of the newest version and keeps the plaintext',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-07'],
    row: 'design 4, Rewrap',
    steps: [
      { act: 'newKey', as: 'own' },
      encrypt('old', '$own'),
      { act: 'rotate', on: '$own' },
      {
        call: 'Rewrap',
        request: { ...ofKey('$own'), ciphertext: '$old.ciphertext' },
        answers: { keyVersionId: '2', ciphertext: { is: 'like', pattern: /^vault:v2:/ } },
        as: 'rewrapped',
      },
      decrypts('$rewrapped.ciphertext', '$own'),
      decrypts('$old.ciphertext', '$own'),
    ],
  },
  {
    id: 'DATA-REWRAP-02',
    title: 'a rewrap keeps the binding, moves it, and takes it away',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-08'],
    row: 'design 4, Rewrap with associated data',
    steps: [
      { act: 'newKey', as: 'own' },
      encrypt('bound', '$own', { associatedData: A }),
      { act: 'rotate', on: '$own' },
      {
        call: 'Rewrap',
        request: { ...ofKey('$own'), ciphertext: '$bound.ciphertext', associatedData: A },
        answers: { keyVersionId: '2' },
        as: 'kept',
      },
      decrypts('$kept.ciphertext', '$own', { associatedData: A }),
      resists('$kept.ciphertext', '$own'),
      {
        call: 'Rewrap',
        request: { ...ofKey('$own'), ciphertext: '$kept.ciphertext', associatedData: A, newAssociatedData: B },
        answers: { keyVersionId: '2' },
        as: 'moved',
      },
      decrypts('$moved.ciphertext', '$own', { associatedData: B }),
      resists('$moved.ciphertext', '$own', { associatedData: A }),
      {
        call: 'Rewrap',
        request: {
          ...ofKey('$own'),
          ciphertext: '$moved.ciphertext',
          associatedData: B,
          newAssociatedData: Buffer.alloc(0),
        },
        answers: { keyVersionId: '2' },
        as: 'freed',
      },
      decrypts('$freed.ciphertext', '$own'),
    ],
  },
  {
    id: 'DATA-REWRAP-03',
    title: 'a rewrap with the wrong associated data',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-06', 'R-CRYPTO-08'],
    row: 'design 4, Rewrap with associated data',
    steps: [
      encrypt('bound', '$key', { associatedData: A }),
      {
        call: 'Rewrap',
        request: { ...ofKey('$key'), ciphertext: '$bound.ciphertext', associatedData: B },
        refused: integrity,
      },
      { call: 'Rewrap', request: { ...ofKey('$key'), ciphertext: '$bound.ciphertext' }, refused: integrity },
    ],
  },
];
