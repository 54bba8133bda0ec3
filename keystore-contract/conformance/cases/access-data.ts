import { EXACT_STATUSES } from '../../statuses.ts';
import type { ConformanceCase } from '../case.ts';
import { missing, UNUSABLE_ACCESS_DATA } from './requests.ts';

const REGIONS = { eu10: '$region', 'us-20': '$region' } as const;
const VALID = { isValid: true } as const;
const FORBIDDEN_NAMES = ['authType', 'clientCert', 'privateKey', 'secretId', 'token'] as const;

/** ValidateKeyAccessData: what a tenant may register. Never `is_valid` false, since CMK loses the message. */
export const ACCESS_DATA_CASES: readonly ConformanceCase[] = [
  {
    id: 'HYOK-ACCESSDATA-01',
    title: 'complete access data, with one region, several and none',
    profiles: ['HYOK'],
    requirements: ['R-KEY-43'],
    row: '7.3 ValidateKeyAccessData, well-formed; B5',
    steps: [
      { call: 'ValidateKeyAccessData', request: { management: '$management', crypto: REGIONS }, answers: VALID },
      {
        call: 'ValidateKeyAccessData',
        request: { management: '$management', crypto: { eu10: '$region' } },
        answers: VALID,
      },
      { call: 'ValidateKeyAccessData', request: { management: '$management', crypto: {} }, answers: VALID },
      { call: 'ValidateKeyAccessData', request: { management: '$management' }, answers: VALID },
    ],
  },
  {
    id: 'HYOK-ACCESSDATA-02',
    title: 'what CMK adds to a region is accepted, whatever it says',
    profiles: ['HYOK'],
    requirements: ['R-KEY-44'],
    row: '7.3 ValidateKeyAccessData, certificateSubject and isEditable; 3.6',
    steps: ['CN=operator,OU=kms,O=Example,L=eu10,C=DE', 'eu10', ''].map((certificateSubject) => ({
      call: 'ValidateKeyAccessData',
      request: {
        management: '$management',
        crypto: { eu10: { '...': '$region', certificateSubject, isEditable: false } },
      },
      answers: VALID,
    })),
  },
  {
    id: 'HYOK-ACCESSDATA-03',
    title: 'an empty management part lacks its fields',
    profiles: ['HYOK'],
    requirements: ['R-KEY-45', 'R-ERR-02'],
    row: '7.3 ValidateKeyAccessData, empty management; B5',
    steps: [
      {
        call: 'ValidateKeyAccessData',
        request: { management: {}, crypto: REGIONS },
        refused: missing('$missingInManagement'),
      },
      { call: 'ValidateKeyAccessData', request: { crypto: REGIONS }, refused: missing('$missingInManagement') },
    ],
  },
  {
    id: 'HYOK-ACCESSDATA-04',
    title: 'an empty region lacks its fields, named with the region',
    profiles: ['HYOK'],
    requirements: ['R-KEY-45', 'R-KEY-48', 'R-ERR-02'],
    row: '7.3 ValidateKeyAccessData, missing fields; B5',
    steps: [
      {
        call: 'ValidateKeyAccessData',
        request: { management: '$management', crypto: { eu10: {} } },
        refused: missing('$missingInRegion'),
      },
      {
        call: 'ValidateKeyAccessData',
        request: { management: '$management', crypto: { 'us-20': '$region', eu10: { certificateSubject: 'CN=x' } } },
        refused: missing('$missingInRegion'),
      },
    ],
  },
  {
    id: 'HYOK-ACCESSDATA-05',
    title: 'a member that nobody knows',
    profiles: ['HYOK'],
    requirements: ['R-KEY-44', 'R-ERR-02'],
    row: '7.3 ValidateKeyAccessData, unknown member; B5',
    steps: [
      {
        call: 'ValidateKeyAccessData',
        request: { management: { '...': '$management', nobodyKnowsThis: 'x' }, crypto: REGIONS },
        refused: UNUSABLE_ACCESS_DATA,
      },
      {
        call: 'ValidateKeyAccessData',
        request: { management: '$management', crypto: { eu10: { '...': '$region', nobodyKnowsThis: 'x' } } },
        refused: UNUSABLE_ACCESS_DATA,
      },
    ],
  },
  {
    id: 'HYOK-ACCESSDATA-06',
    title: 'a credential in the data of a tenant',
    profiles: ['HYOK'],
    requirements: ['R-KEY-44', 'R-ERR-02'],
    row: '7.3 ValidateKeyAccessData, forbidden name; B5',
    steps: FORBIDDEN_NAMES.flatMap((name) => [
      {
        call: 'ValidateKeyAccessData',
        request: { management: { '...': '$management', [name]: 'x' }, crypto: REGIONS },
        refused: UNUSABLE_ACCESS_DATA,
      },
      {
        call: 'ValidateKeyAccessData',
        request: { management: '$management', crypto: { eu10: { '...': '$region', [name]: 'x' } } },
        refused: UNUSABLE_ACCESS_DATA,
      },
    ]),
  },
  {
    id: 'HYOK-ACCESSDATA-07',
    title: 'values of the wrong kind',
    profiles: ['HYOK'],
    needs: ['openBaoAccessData'],
    requirements: ['R-KEY-44', 'R-ERR-02', 'R-ERR-10'],
    row: '7.3 ValidateKeyAccessData, wrong type; A13',
    steps: [7, true, ['https://127.0.0.1'], { host: 'x' }].flatMap((address) => [
      {
        call: 'ValidateKeyAccessData',
        request: { management: { '...': '$management', address }, crypto: REGIONS },
        refused: UNUSABLE_ACCESS_DATA,
      },
      {
        call: 'ValidateKeyAccessData',
        request: { management: '$management', crypto: { eu10: { '...': '$region', address } } },
        refused: UNUSABLE_ACCESS_DATA,
      },
    ]),
  },
  {
    id: 'HYOK-ACCESSDATA-08',
    title: 'a region that is no object',
    profiles: ['HYOK'],
    requirements: ['R-KEY-43', 'R-ERR-02', 'R-ERR-10'],
    row: '7.3 ValidateKeyAccessData, wrong type; A13',
    steps: ['text', 7, true, ['x']].map((eu10) => ({
      call: 'ValidateKeyAccessData',
      request: { management: '$management', crypto: { eu10 } },
      refused: EXACT_STATUSES.invalidAccessData,
    })),
  },
  {
    id: 'HYOK-ACCESSDATA-09',
    title: 'addresses that the operator did not allow, and what is no address',
    profiles: ['HYOK'],
    needs: ['openBaoAccessData'],
    requirements: ['R-KEY-46', 'R-ERR-02'],
    row: '7.3 ValidateKeyAccessData, address not allowed; B5',
    steps: [
      'https://keystore.example.net',
      'http://127.0.0.1:8200',
      'https://169.254.169.254',
      'https://user:password@127.0.0.1',
      'https://127.0.0.1/?x=1',
      'file:///etc/passwd',
      'nonsense',
    ].flatMap((address) => [
      {
        call: 'ValidateKeyAccessData',
        request: { management: { '...': '$management', address }, crypto: REGIONS },
        refused: UNUSABLE_ACCESS_DATA,
      },
      {
        call: 'ValidateKeyAccessData',
        request: { management: '$management', crypto: { eu10: { '...': '$region', address } } },
        refused: UNUSABLE_ACCESS_DATA,
      },
    ]),
  },
  {
    id: 'HYOK-ACCESSDATA-10',
    title: 'paths that lead elsewhere',
    profiles: ['HYOK'],
    needs: ['openBaoAccessData'],
    requirements: ['R-KEY-44', 'R-ERR-02'],
    row: '7.3 ValidateKeyAccessData, wrong type',
    steps: [
      { mountPath: '../sys' },
      { mountPath: '/transit' },
      { namespace: 'a//b' },
      { authMountPath: 'cert?x=1' },
      { roleName: 'a/b' },
    ].map((changes) => ({
      call: 'ValidateKeyAccessData',
      request: { management: '$management', crypto: { eu10: { '...': '$region', ...changes } } },
      refused: UNUSABLE_ACCESS_DATA,
    })),
  },
];
