import { status } from '@grpc/grpc-js';

import { KeyAlgorithm, KeyType } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { EXACT_STATUSES } from '../../statuses.ts';
import type { CallStep, ConformanceCase } from '../case.ts';
import { AES256, CREATED, creation, IMPORTED_KEY, INVALID, ofKey, UNAVAILABLE } from './requests.ts';

const { authentication, getKey } = EXACT_STATUSES;

/** A creation that must be refused although only this is wrong with it. */
const refused = (changes: object): CallStep => ({
  call: 'CreateKey',
  request: { ...creation('$id'), ...changes },
  refused: INVALID,
});

export const CREATE_KEY_CASES: readonly ConformanceCase[] = [
  {
    id: 'BYOK-CREATEKEY-01',
    title: 'a new key waits for its material, under an id that CMK can keep',
    profiles: ['BYOK'],
    requirements: ['R-KEY-30'],
    row: '7.3 CreateKey, name free; B7',
    steps: [
      { act: 'newId', as: 'id' },
      {
        call: 'CreateKey',
        request: creation('$id'),
        answers: { keyId: { is: 'like', pattern: /^[^\s&<>"']{1,255}$/ }, status: 'PENDING_IMPORT' },
        as: 'created',
      },
      {
        call: 'GetKey',
        request: ofKey('$created.keyId'),
        answers: { keyId: '$created.keyId', algorithm: AES256, status: 'PENDING_IMPORT' },
      },
    ],
  },
  {
    id: 'BYOK-CREATEKEY-02',
    title: 'GetKey finds it by the id of the request, as CMK does after a lost answer',
    profiles: ['BYOK'],
    requirements: ['R-KEY-30'],
    row: '7.3 CreateKey, name derived only from id; 3.4',
    steps: [
      { act: 'newId', as: 'id' },
      { call: 'CreateKey', request: creation('$id'), answers: {}, as: 'created' },
      { call: 'GetKey', request: ofKey('$id'), answers: { keyId: '$created.keyId', status: 'PENDING_IMPORT' } },
    ],
  },
  {
    id: 'BYOK-CREATEKEY-03',
    title: 'a repetition answers the same, also at once',
    profiles: ['BYOK'],
    requirements: ['R-KEY-30'],
    row: '7.3 CreateKey, repeated; B7',
    steps: [
      { act: 'newId', as: 'id' },
      { call: 'CreateKey', request: creation('$id'), times: 4, answers: { status: 'PENDING_IMPORT' }, as: 'created' },
      {
        call: 'CreateKey',
        request: creation('$id'),
        answers: { keyId: '$created.keyId', status: 'PENDING_IMPORT' },
      },
    ],
  },
  {
    id: 'BYOK-CREATEKEY-04',
    title: 'a repetition after the import answers the real status',
    profiles: ['BYOK'],
    requirements: ['R-KEY-30'],
    row: '7.3 CreateKey, repeated, already imported',
    steps: [
      ...IMPORTED_KEY,
      { call: 'CreateKey', request: creation('$id'), answers: { keyId: CREATED, status: 'ENABLED' } },
      { call: 'DisableKey', request: ofKey(CREATED), answers: {} },
      { call: 'CreateKey', request: creation('$id'), answers: { keyId: CREATED, status: 'DISABLED' } },
    ],
  },
  {
    id: 'BYOK-CREATEKEY-05',
    title: 'a name that a key of the owner has taken',
    profiles: ['BYOK'],
    requirements: ['R-KEY-62'],
    row: '7.3 CreateKey, name taken by a key that was not imported',
    steps: [
      { act: 'newKey', as: 'own' },
      {
        call: 'CreateKey',
        request: creation('$own'),
        refused: { code: [status.ALREADY_EXISTS, status.FAILED_PRECONDITION] },
      },
      { call: 'GetKey', request: ofKey('$own'), answers: { status: 'ENABLED', latestKeyVersionId: '1' } },
    ],
  },
  {
    id: 'BYOK-CREATEKEY-06',
    title: 'a certificate that the keystore does not know, so that CMK tries again',
    profiles: ['BYOK'],
    requirements: ['R-ERR-02'],
    row: '7.3 CreateKey, login refused; 3.9',
    steps: [
      { act: 'newId', as: 'id' },
      {
        call: 'CreateKey',
        request: { ...creation('$id'), config: { values: '$strangerValues' } },
        refused: authentication,
      },
    ],
  },
  {
    id: 'BYOK-CREATEKEY-07',
    title: 'a keystore that cannot be reached',
    profiles: ['BYOK'],
    requirements: ['R-ERR-04'],
    row: '7.5',
    steps: [
      { act: 'newId', as: 'id' },
      {
        call: 'CreateKey',
        request: { ...creation('$id'), config: { values: '$unreachableValues' } },
        refused: UNAVAILABLE,
      },
    ],
  },
  {
    id: 'BYOK-CREATEKEY-08',
    title: 'an algorithm that CMK does not import, or none',
    profiles: ['BYOK'],
    requirements: ['R-ERR-10'],
    row: '7.3 CreateKey, algorithm other than AES256',
    steps: [
      { act: 'newId', as: 'id' },
      refused({ algorithm: KeyAlgorithm.KEY_ALGORITHM_UNSPECIFIED }),
      refused({ algorithm: KeyAlgorithm.KEY_ALGORITHM_RSA3072 }),
      refused({ algorithm: KeyAlgorithm.KEY_ALGORITHM_RSA4096 }),
      refused({ algorithm: 99 }),
    ],
  },
  {
    id: 'BYOK-CREATEKEY-09',
    title: 'a type of key that is not created, or none',
    profiles: ['BYOK'],
    requirements: ['R-ERR-10'],
    row: '7.3 CreateKey, type other than BYOK',
    steps: [
      { act: 'newId', as: 'id' },
      refused({ keyType: KeyType.KEY_TYPE_UNSPECIFIED }),
      refused({ keyType: KeyType.KEY_TYPE_HYOK }),
      refused({ keyType: 99 }),
    ],
  },
  {
    id: 'BYOK-CREATEKEY-10',
    title: 'a region in which no keys may be made',
    profiles: ['BYOK'],
    requirements: ['R-ERR-10'],
    row: '7.3 CreateKey, region unknown',
    steps: [{ act: 'newId', as: 'id' }, refused({ region: '$foreignRegion' })],
  },
  {
    id: 'BYOK-CREATEKEY-11',
    title: 'a creation without an id',
    profiles: ['BYOK'],
    requirements: ['R-ERR-10'],
    row: '7.3 CreateKey, id absent',
    steps: [{ act: 'newId', as: 'id' }, refused({ id: undefined }), refused({ id: '' })],
  },
  {
    id: 'BYOK-CREATEKEY-12',
    title: 'a refused creation leaves nothing behind',
    profiles: ['BYOK'],
    requirements: ['R-KEY-04'],
    row: '7.3 CreateKey',
    steps: [
      { act: 'newId', as: 'id' },
      refused({ algorithm: KeyAlgorithm.KEY_ALGORITHM_RSA4096 }),
      { call: 'GetKey', request: ofKey('$id'), refused: EXACT_STATUSES.keyNotFound },
    ],
  },
  {
    id: 'BYOK-CREATEKEY-13',
    title: 'a key that waits for its material has no versions',
    profiles: ['BYOK'],
    requirements: ['R-KEY-07'],
    row: '7.3 GetKeyVersions, would be empty',
    steps: [
      { act: 'newId', as: 'id' },
      { call: 'CreateKey', request: creation('$id'), answers: {} },
      { call: 'GetKeyVersions', request: ofKey('$id'), refused: getKey },
    ],
  },
  {
    id: 'BYOK-CREATEKEY-14',
    title: 'a key that the keystore makes itself is there at once, and a repetition makes no other',
    profiles: ['BYOK'],
    needs: ['systemManagedKeys'],
    requirements: ['R-KEY-60'],
    row: 'design 8, CreateKey SYSTEM_MANAGED',
    steps: [
      { act: 'newId', as: 'id' },
      {
        call: 'CreateKey',
        request: { ...creation('$id'), keyType: KeyType.KEY_TYPE_SYSTEM_MANAGED },
        times: 2,
        answers: { keyId: '$id', status: 'ENABLED' },
      },
      { call: 'GetKey', request: ofKey('$id'), answers: { status: 'ENABLED', latestKeyVersionId: '1' }, as: 'made' },
      {
        call: 'CreateKey',
        request: { ...creation('$id'), keyType: KeyType.KEY_TYPE_SYSTEM_MANAGED },
        answers: { keyId: '$id', status: 'ENABLED' },
      },
      {
        call: 'GetKey',
        request: ofKey('$id'),
        answers: { latestKeyVersionId: '1', latestRotationTime: '$made.latestRotationTime' },
      },
    ],
  },
  {
    id: 'BYOK-CREATEKEY-15',
    title: 'a key that the keystore makes itself, under a name that is taken',
    profiles: ['BYOK'],
    needs: ['systemManagedKeys'],
    requirements: ['R-KEY-60'],
    row: 'design 8, CreateKey SYSTEM_MANAGED',
    steps: [
      { act: 'newKey', as: 'own' },
      {
        call: 'CreateKey',
        request: { ...creation('$own'), keyType: KeyType.KEY_TYPE_SYSTEM_MANAGED },
        answers: { keyId: '$own', status: 'ENABLED' },
      },
      {
        call: 'CreateKey',
        request: {
          ...creation('$own'),
          keyType: KeyType.KEY_TYPE_SYSTEM_MANAGED,
          algorithm: KeyAlgorithm.KEY_ALGORITHM_RSA3072,
        },
        refused: { code: status.ALREADY_EXISTS },
      },
      { call: 'GetKey', request: ofKey('$own'), answers: { status: 'ENABLED', latestKeyVersionId: '1' } },
    ],
  },
];
