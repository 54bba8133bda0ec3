import { KeyAlgorithm, KeyType } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import type { CallStep, ConformanceCase } from '../case.ts';
import { AES256, BYOK } from './requests.ts';

export const VALIDATE_KEY_CASES: readonly ConformanceCase[] = [
  {
    id: 'BYOK-VALIDATE-01',
    title: 'a key that CMK may create',
    profiles: ['BYOK'],
    requirements: ['R-KEY-40'],
    row: '7.3 ValidateKey, valid',
    steps: [
      {
        call: 'ValidateKey',
        request: { keyType: BYOK, algorithm: AES256, region: '$keyRegion' },
        answers: { isValid: true },
      },
    ],
  },
  {
    id: 'BYOK-VALIDATE-02',
    title: 'anything else is not valid, with a text for the tenant and no error status',
    profiles: ['BYOK'],
    requirements: ['R-KEY-40', 'R-KEY-42'],
    row: '7.3 ValidateKey, anything else',
    steps: [
      { algorithm: KeyAlgorithm.KEY_ALGORITHM_UNSPECIFIED },
      { algorithm: KeyAlgorithm.KEY_ALGORITHM_RSA3072 },
      { keyType: KeyType.KEY_TYPE_UNSPECIFIED },
      { region: '$foreignRegion' },
    ].map((changes) => ({
      call: 'ValidateKey',
      request: { keyType: BYOK, algorithm: AES256, region: '$keyRegion', ...changes },
      answers: { isValid: false, message: { is: 'present' } },
    })),
  },
  {
    id: 'HYOK-VALIDATE-01',
    title: 'of a key that its owner holds only the id is checked',
    profiles: ['HYOK'],
    requirements: ['R-KEY-41', 'R-KEY-42'],
    row: '7.3 ValidateKey, type HYOK',
    steps: [
      {
        call: 'ValidateKey',
        request: { keyType: KeyType.KEY_TYPE_HYOK, algorithm: AES256, nativeKeyId: '$missingKey' },
        answers: { isValid: true },
      },
      ...['../sys', 'a/b', 'a b'].map((nativeKeyId): CallStep => ({
        call: 'ValidateKey',
        request: { keyType: KeyType.KEY_TYPE_HYOK, algorithm: AES256, nativeKeyId },
        answers: { isValid: false, message: { is: 'present' } },
      })),
    ],
  },
];
