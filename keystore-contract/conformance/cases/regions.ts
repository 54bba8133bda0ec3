import type { CallStep, ConformanceCase } from '../case.ts';
import { INVALID, ofKey } from './requests.ts';

const REGIONS = { eu10: '$region', 'us-20': '$region' } as const;

/** TransformCryptoAccessData of a JSON value. */
const transform = (json: unknown) =>
  ({ call: 'TransformCryptoAccessData', request: { nativeKeyId: '$key', accessData: { json } } }) as const;
const transformed = (json: unknown, ...keys: string[]): CallStep => ({
  ...transform(json),
  answers: { transformedAccessData: { is: 'map', keys } },
});

/** ExtractKeyRegion and TransformCryptoAccessData: local, without credentials. */
export const REGION_CASES: readonly ConformanceCase[] = [
  {
    id: 'HYOK-REGION-01',
    title: 'the region of the management data comes first',
    profiles: ['HYOK'],
    needs: ['openBaoAccessData'],
    requirements: ['R-KEY-50'],
    row: '7.3 ExtractKeyRegion, normal',
    steps: [
      {
        call: 'ExtractKeyRegion',
        request: { nativeKeyId: '$key', managementAccessData: { '...': '$management', region: 'ap-30' } },
        answers: { region: 'ap-30' },
      },
    ],
  },
  {
    id: 'HYOK-REGION-02',
    title: 'the configured region answers where the data name none',
    profiles: ['HYOK'],
    requirements: ['R-KEY-50'],
    row: '7.3 ExtractKeyRegion, normal',
    steps: [
      {
        call: 'ExtractKeyRegion',
        request: { nativeKeyId: '$key', managementAccessData: '$management' },
        answers: { region: '$defaultRegion' },
      },
    ],
  },
  {
    id: 'HYOK-REGION-03',
    title: 'nothing says the region',
    profiles: ['HYOK'],
    needs: ['noDefaultRegion'],
    requirements: ['R-KEY-51'],
    row: '7.3 ExtractKeyRegion, nothing known',
    steps: [
      {
        call: 'ExtractKeyRegion',
        request: { nativeKeyId: '$key', managementAccessData: '$management' },
        refused: INVALID,
      },
    ],
  },
  {
    id: 'HYOK-REGION-04',
    title: 'a region that CMK could not keep',
    profiles: ['HYOK'],
    needs: ['openBaoAccessData'],
    requirements: ['R-KEY-51', 'R-ERR-10'],
    row: '7.3 ExtractKeyRegion; A13',
    steps: ['x'.repeat(51), 7, ['eu10'], '<b>eu10</b>'].map((region) => ({
      call: 'ExtractKeyRegion',
      request: { nativeKeyId: '$key', managementAccessData: { '...': '$management', region } },
      refused: INVALID,
    })),
  },
  {
    id: 'HYOK-TRANSFORM-01',
    title: 'one entry for each region',
    profiles: ['HYOK'],
    requirements: ['R-KEY-52'],
    row: '7.3 TransformCryptoAccessData, each region; B6',
    steps: [transformed(REGIONS, 'eu10', 'us-20'), transformed({ eu10: '$region' }, 'eu10')],
  },
  {
    id: 'HYOK-TRANSFORM-02',
    title: 'equal input gives equal bytes',
    profiles: ['HYOK'],
    requirements: ['R-KEY-52'],
    row: '7.3 TransformCryptoAccessData, byte-stable; B6',
    steps: [
      { ...transform(REGIONS), answers: {}, as: 'first' },
      { ...transform(REGIONS), times: 4, answers: { transformedAccessData: '$first.transformedAccessData' } },
    ],
  },
  {
    id: 'HYOK-TRANSFORM-03',
    title: 'null and an empty object give an empty map',
    profiles: ['HYOK'],
    requirements: ['R-KEY-53'],
    row: '7.3 TransformCryptoAccessData, null; B6',
    steps: [transformed(null), transformed({})],
  },
  {
    id: 'HYOK-TRANSFORM-04',
    title: 'what CMK adds is tolerated',
    profiles: ['HYOK'],
    requirements: ['R-KEY-55'],
    row: '3.6; B6',
    steps: ['CN=operator,OU=kms,O=Example,L=eu10,C=DE', 'eu10', ''].map((certificateSubject) =>
      transformed(
        {
          eu10: { '...': '$region', certificateSubject, isEditable: true, versionIdentifier: '3' },
          'us-20': '$region',
        },
        'eu10',
        'us-20',
      ),
    ),
  },
  {
    id: 'HYOK-TRANSFORM-05',
    title: 'the version identifier is passed on',
    profiles: ['HYOK'],
    requirements: ['R-KEY-55'],
    row: '7.3 TransformCryptoAccessData, versionIdentifier',
    steps: [
      { ...transform({ eu10: { '...': '$region', versionIdentifier: '3' } }), answers: {}, as: 'third' },
      {
        ...transform({ eu10: { '...': '$region', versionIdentifier: '4' } }),
        answers: { transformedAccessData: { is: 'differentFrom', other: '$third.transformedAccessData' } },
      },
    ],
  },
  {
    id: 'HYOK-TRANSFORM-06',
    title: 'a region that cannot be used is left out, and the others work',
    profiles: ['HYOK'],
    needs: ['openBaoAccessData'],
    requirements: ['R-KEY-54'],
    row: '7.3 TransformCryptoAccessData, region that cannot be used; B6',
    steps: [
      transformed({ eu10: '$region', 'us-20': { '...': '$region', address: 'https://keystore.example.net' } }, 'eu10'),
      transformed({ eu10: '$region', 'us-20': { '...': '$region', address: 7 } }, 'eu10'),
      transformed({ eu10: '$region', 'us-20': 'text' }, 'eu10'),
    ],
  },
  {
    id: 'HYOK-TRANSFORM-07',
    title: 'text that is no JSON object',
    profiles: ['HYOK'],
    requirements: ['R-KEY-53', 'R-ERR-10'],
    row: '7.3 TransformCryptoAccessData, no JSON object',
    steps: [
      ...['', '{', 'nonsense', '\u0000', '{"eu10": }'].map((text): CallStep => ({
        call: 'TransformCryptoAccessData',
        request: { nativeKeyId: '$key', accessData: Buffer.from(text) },
        refused: INVALID,
      })),
      ...[[], 7, 'text', true].map((json): CallStep => ({ ...transform(json), refused: INVALID })),
    ],
  },
  {
    id: 'HYOK-TRANSFORM-08',
    title: 'a transformation for no key',
    profiles: ['HYOK'],
    requirements: ['R-KEY-57'],
    row: '7.3 TransformCryptoAccessData, native_key_id empty',
    steps: [
      {
        call: 'TransformCryptoAccessData',
        request: { nativeKeyId: '', accessData: { json: REGIONS } },
        refused: INVALID,
      },
      { call: 'GetKey', request: ofKey('$key'), answers: { status: 'ENABLED' } },
    ],
  },
];
