import { status } from '@grpc/grpc-js';

import { EXACT_STATUSES } from '../../statuses.ts';
import type { ConformanceCase } from '../case.ts';
import { AES256, CREATED, creation, importing, IMPORTED_KEY, INVALID, ofKey, PENDING_KEY } from './requests.ts';

const { authentication, keyNotFound } = EXACT_STATUSES;

export const DELETE_KEY_CASES: readonly ConformanceCase[] = [
  {
    id: 'BYOK-DELETE-01',
    title: 'delete twice, where deleting disables',
    profiles: ['BYOK'],
    needs: ['deletionDisables'],
    requirements: ['R-KEY-38'],
    row: '7.3 DeleteKey, deleted now; B10',
    steps: [
      ...IMPORTED_KEY,
      { call: 'DeleteKey', request: ofKey(CREATED), answers: {} },
      { call: 'GetKey', request: ofKey(CREATED), answers: { status: 'DISABLED' } },
      { call: 'DeleteKey', request: ofKey(CREATED), answers: {} },
    ],
  },
  {
    id: 'BYOK-DELETE-02',
    title: 'delete twice, where deleting destroys',
    profiles: ['BYOK'],
    needs: ['deletionDestroys'],
    requirements: ['R-KEY-38'],
    row: '7.3 DeleteKey, deleted now; B10',
    steps: [
      ...IMPORTED_KEY,
      { call: 'DeleteKey', request: ofKey(CREATED), answers: {} },
      { call: 'GetKey', request: ofKey(CREATED), refused: keyNotFound },
      { call: 'DeleteKey', request: ofKey(CREATED), answers: {} },
    ],
  },
  {
    id: 'BYOK-DELETE-03',
    title: 'a missing key is deleted already',
    profiles: ['BYOK'],
    requirements: ['R-KEY-38'],
    row: '7.3 DeleteKey, missing already; B10',
    steps: [{ call: 'DeleteKey', request: ofKey('$missingKey'), times: 2, answers: {} }],
  },
  {
    id: 'BYOK-DELETE-04',
    title: 'a key that was never imported is gone, and its parameters with it',
    profiles: ['BYOK'],
    requirements: ['R-KEY-38'],
    row: '7.3 DeleteKey, never imported; B10',
    steps: [
      ...PENDING_KEY,
      { wrap: '$parameters', as: 'wrapped' },
      { call: 'DeleteKey', request: ofKey(CREATED), times: 2, answers: {} },
      { call: 'GetKey', request: ofKey(CREATED), refused: keyNotFound },
      { call: 'GetImportParameters', request: { ...ofKey(CREATED), algorithm: AES256 }, refused: keyNotFound },
      { call: 'ImportKeyMaterial', request: importing('$wrapped'), refused: keyNotFound },
      { call: 'DeleteKey', request: ofKey(CREATED), answers: {} },
    ],
  },
  {
    id: 'BYOK-DELETE-05',
    title: 'a key that the identity may not delete',
    profiles: ['BYOK'],
    requirements: ['R-KEY-38', 'R-ERR-02'],
    row: '7.3 DeleteKey, not allowed; B10',
    steps: [{ call: 'DeleteKey', request: ofKey('$deniedKey'), refused: authentication }],
  },
  {
    id: 'BYOK-DELETE-06',
    title: 'a window that is none',
    profiles: ['BYOK'],
    requirements: ['R-ERR-10'],
    row: '7.3 DeleteKey, window',
    steps: [
      ...IMPORTED_KEY,
      { call: 'DeleteKey', request: { ...ofKey(CREATED), window: -1 }, refused: INVALID },
      { call: 'GetKey', request: ofKey(CREATED), answers: { status: 'ENABLED' } },
    ],
  },
  {
    id: 'BYOK-DELETE-07',
    title: 'a window of days never destroys at once',
    profiles: ['BYOK'],
    requirements: ['R-KEY-38'],
    row: '7.3 DeleteKey, window days',
    steps: [
      ...IMPORTED_KEY,
      {
        call: 'DeleteKey',
        request: { ...ofKey(CREATED), window: 30 },
        ends: [status.OK, status.FAILED_PRECONDITION],
      },
      { call: 'GetKey', request: ofKey(CREATED), answers: { keyId: CREATED, latestKeyVersionId: '1' } },
    ],
  },
  {
    id: 'BYOK-DELETE-08',
    title: 'the name of a key that waited and was deleted can be used anew',
    profiles: ['BYOK'],
    requirements: ['R-KEY-30', 'R-KEY-38'],
    row: '7.3 CreateKey, name free; DeleteKey, never imported',
    steps: [
      ...PENDING_KEY,
      { call: 'DeleteKey', request: ofKey(CREATED), answers: {} },
      { call: 'CreateKey', request: creation('$id'), answers: { keyId: CREATED, status: 'PENDING_IMPORT' } },
    ],
  },
];
