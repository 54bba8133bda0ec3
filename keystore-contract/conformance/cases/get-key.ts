import { EXACT_STATUSES, KEY_USAGE_ENCRYPT_DECRYPT } from '../../statuses.ts';
import type { ConformanceCase } from '../case.ts';
import { AES256, ofKey } from './requests.ts';

const { keyNotFound } = EXACT_STATUSES;

export const GET_KEY_CASES: readonly ConformanceCase[] = [
  {
    id: 'HYOK-GETKEY-01',
    title: 'a usable key is described in full',
    profiles: ['HYOK'],
    requirements: ['R-KEY-02'],
    row: '7.3 GetKey, usable key; B1',
    steps: [
      {
        call: 'GetKey',
        request: ofKey('$key'),
        answers: {
          keyId: '$key',
          algorithm: AES256,
          status: 'ENABLED',
          usage: KEY_USAGE_ENCRYPT_DECRYPT,
          latestKeyVersionId: { is: 'like', pattern: /^[^\s&<>"']{1,255}$/ },
          latestRotationTime: { is: 'present' },
        },
      },
    ],
  },
  {
    id: 'HYOK-GETKEY-02',
    title: 'equal reads of an unchanged key answer the same, also at once',
    profiles: ['HYOK'],
    requirements: ['R-KEY-61'],
    row: '7.1 G6',
    steps: [
      { call: 'GetKey', request: ofKey('$key'), answers: { status: 'ENABLED' }, as: 'first' },
      {
        call: 'GetKey',
        request: ofKey('$key'),
        times: 16,
        answers: {
          keyId: '$first.keyId',
          status: '$first.status',
          latestKeyVersionId: '$first.latestKeyVersionId',
          latestRotationTime: '$first.latestRotationTime',
        },
      },
    ],
  },
  {
    id: 'HYOK-GETKEY-03',
    title: 'newest version and its time are those of GetKeyVersions',
    profiles: ['HYOK'],
    requirements: ['R-KEY-09'],
    row: '8.2 B3',
    steps: [
      { call: 'GetKey', request: ofKey('$key'), answers: { status: 'ENABLED' }, as: 'latest' },
      {
        call: 'GetKeyVersions',
        request: ofKey('$key'),
        answers: {
          versions: {
            is: 'list',
            last: { versionId: '$latest.latestKeyVersionId', creationTime: '$latest.latestRotationTime' },
          },
        },
      },
    ],
  },
  {
    id: 'HYOK-GETKEY-04',
    title: 'a rotation shows in the very next call, at a later time',
    profiles: ['HYOK'],
    requirements: ['R-KEY-10'],
    row: '8.2 B4',
    steps: [
      { act: 'newKey', as: 'own' },
      { call: 'GetKey', request: ofKey('$own'), answers: { status: 'ENABLED' }, as: 'before' },
      { act: 'rotate', on: '$own' },
      {
        call: 'GetKey',
        request: ofKey('$own'),
        answers: {
          latestKeyVersionId: { is: 'differentFrom', other: '$before.latestKeyVersionId' },
          latestRotationTime: { is: 'laterThan', other: '$before.latestRotationTime' },
        },
      },
    ],
  },
  {
    id: 'HYOK-GETKEY-05',
    title: 'the kill switch shows in the very next call, and so does its end',
    profiles: ['HYOK'],
    requirements: ['R-KEY-03', 'R-KEY-10'],
    row: '7.3 GetKey, soft-deleted; B1',
    steps: [
      { act: 'newKey', as: 'own' },
      { act: 'softDelete', on: '$own' },
      {
        call: 'GetKey',
        request: ofKey('$own'),
        answers: {
          keyId: '$own',
          algorithm: AES256,
          status: 'DISABLED',
          latestKeyVersionId: { is: 'present' },
          latestRotationTime: { is: 'present' },
        },
      },
      { act: 'restore', on: '$own' },
      { call: 'GetKey', request: ofKey('$own'), answers: { status: 'ENABLED' } },
    ],
  },
  {
    id: 'HYOK-GETKEY-06',
    title: 'a missing key',
    profiles: ['HYOK'],
    requirements: ['R-KEY-04', 'R-ERR-02'],
    row: '7.3 GetKey, key missing; B1',
    steps: [{ call: 'GetKey', request: ofKey('$missingKey'), refused: keyNotFound }],
  },
  {
    id: 'HYOK-GETKEY-07',
    title: 'a key that was destroyed',
    profiles: ['HYOK'],
    requirements: ['R-KEY-04', 'R-KEY-10'],
    row: '7.3 GetKey, key missing',
    steps: [
      { act: 'newKey', as: 'own' },
      { call: 'GetKey', request: ofKey('$own'), answers: { status: 'ENABLED' } },
      { act: 'destroy', on: '$own' },
      { call: 'GetKey', request: ofKey('$own'), refused: keyNotFound },
    ],
  },
  {
    id: 'HYOK-GETKEY-08',
    title: 'members of the access data that nobody knows are ignored',
    profiles: ['HYOK'],
    requirements: ['R-CONF-24'],
    row: '7.1 G7',
    steps: [
      {
        call: 'GetKey',
        request: ofKey('$key', { '...': '$values', isEditable: true, nobodyKnowsThis: { deep: [1, null, 'x'] } }),
        answers: { keyId: '$key', status: 'ENABLED' },
      },
    ],
  },
];
