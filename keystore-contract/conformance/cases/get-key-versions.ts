import { EXACT_STATUSES } from '../../statuses.ts';
import type { ConformanceCase } from '../case.ts';
import { ofKey, UNAVAILABLE } from './requests.ts';

const { authentication, getKey, keyNotFound } = EXACT_STATUSES;

export const GET_KEY_VERSIONS_CASES: readonly ConformanceCase[] = [
  {
    id: 'HYOK-VERSIONS-01',
    title: 'every version once, in order, with strictly increasing times',
    profiles: ['HYOK'],
    requirements: ['R-KEY-07'],
    row: '7.3 GetKeyVersions, normal; B2',
    steps: [
      {
        call: 'GetKeyVersions',
        request: ofKey('$key'),
        answers: {
          versions: {
            is: 'list',
            each: {
              versionId: { is: 'like', pattern: /^[1-9]\d{0,9}$/ },
              creationTime: { is: 'present' },
              status: 'ENABLED',
            },
            last: { versionId: { is: 'present' } },
            increasing: ['versionId', 'creationTime'],
          },
        },
        as: 'first',
      },
      { call: 'GetKeyVersions', request: ofKey('$key'), answers: { versions: '$first.versions' } },
    ],
  },
  {
    id: 'HYOK-VERSIONS-02',
    title: 'after 1, 2 and 5 rotations',
    profiles: ['HYOK'],
    requirements: ['R-KEY-07', 'R-KEY-10'],
    row: '8.2 B2',
    steps: [
      { act: 'newKey', as: 'own' },
      { call: 'GetKeyVersions', request: ofKey('$own'), answers: { versions: { is: 'list', length: 1 } } },
      { act: 'rotate', on: '$own' },
      {
        call: 'GetKeyVersions',
        request: ofKey('$own'),
        answers: { versions: { is: 'list', length: 2, increasing: ['versionId', 'creationTime'] } },
      },
      { act: 'rotate', on: '$own' },
      {
        call: 'GetKeyVersions',
        request: ofKey('$own'),
        answers: { versions: { is: 'list', length: 3, increasing: ['versionId', 'creationTime'] } },
      },
      { act: 'rotate', on: '$own' },
      { act: 'rotate', on: '$own' },
      { act: 'rotate', on: '$own' },
      {
        call: 'GetKeyVersions',
        request: ofKey('$own'),
        answers: {
          versions: { is: 'list', length: 6, last: { versionId: '6' }, increasing: ['versionId', 'creationTime'] },
        },
      },
    ],
  },
  {
    id: 'HYOK-VERSIONS-03',
    title: 'retired versions are left out, and the list is not empty',
    profiles: ['HYOK'],
    requirements: ['R-KEY-07'],
    row: '7.3 GetKeyVersions, version without known time; B2',
    steps: [
      { act: 'newKey', as: 'own' },
      { act: 'rotate', on: '$own' },
      { act: 'rotate', on: '$own' },
      { act: 'retire', on: '$own' },
      {
        call: 'GetKeyVersions',
        request: ofKey('$own'),
        answers: { versions: { is: 'list', length: 1, last: { versionId: '3', status: 'ENABLED' } } },
      },
      { call: 'GetKey', request: ofKey('$own'), answers: { latestKeyVersionId: '3' } },
    ],
  },
  {
    id: 'HYOK-VERSIONS-04',
    title: 'a disabled key lists its versions as usual',
    profiles: ['HYOK'],
    requirements: ['R-KEY-03', 'R-KEY-07'],
    row: '7.3 GetKeyVersions, disabled key',
    steps: [
      { act: 'newKey', as: 'own' },
      { act: 'rotate', on: '$own' },
      { act: 'softDelete', on: '$own' },
      {
        call: 'GetKeyVersions',
        request: ofKey('$own'),
        answers: { versions: { is: 'list', length: 2, each: { status: 'DISABLED', creationTime: { is: 'present' } } } },
      },
    ],
  },
  {
    id: 'HYOK-VERSIONS-05',
    title: 'a missing key is refused as GetKey refuses it',
    profiles: ['HYOK'],
    requirements: ['R-KEY-04', 'R-ERR-02'],
    row: '7.3 GetKeyVersions, errors',
    steps: [{ call: 'GetKeyVersions', request: ofKey('$missingKey'), refused: keyNotFound }],
  },
  {
    id: 'HYOK-VERSIONS-06',
    title: 'a key that the identity may not read is refused as GetKey refuses it',
    profiles: ['HYOK'],
    requirements: ['R-ERR-02'],
    row: '7.3 GetKeyVersions, errors',
    steps: [{ call: 'GetKeyVersions', request: ofKey('$deniedKey'), refused: authentication }],
  },
  {
    id: 'HYOK-VERSIONS-07',
    title: 'keys that cannot serve are refused as GetKey refuses them',
    profiles: ['HYOK'],
    requirements: ['R-KEY-06', 'R-ERR-02'],
    row: '7.3 GetKeyVersions, errors',
    steps: [
      { call: 'GetKeyVersions', request: ofKey('$rsaKey'), refused: getKey },
      { call: 'GetKeyVersions', request: ofKey('$signingKey'), refused: getKey },
      { call: 'GetKeyVersions', request: ofKey('$derivedKey'), refused: getKey },
    ],
  },
  {
    id: 'HYOK-VERSIONS-08',
    title: 'a wrong identity or place is refused as GetKey refuses it',
    profiles: ['HYOK'],
    requirements: ['R-KEY-05', 'R-ERR-02', 'R-ERR-04'],
    row: '7.3 GetKeyVersions, errors',
    steps: [
      { call: 'GetKeyVersions', request: ofKey('$key', '$strangerValues'), refused: authentication },
      { call: 'GetKeyVersions', request: ofKey('$key', '$missingMountValues'), refused: getKey },
      { call: 'GetKeyVersions', request: ofKey('$key', '$unreachableValues'), refused: UNAVAILABLE },
    ],
  },
];
