import { EXACT_STATUSES } from '../../statuses.ts';
import type { CallStep, ConformanceCase } from '../case.ts';
import { IS_ENABLED } from './import-key.ts';
import { AES256, CREATED, importing, IMPORTED_KEY, INVALID, ofKey, PENDING_KEY, PRECONDITION } from './requests.ts';

const { keyNotFound } = EXACT_STATUSES;

export const IMPORT_PARAMETERS_CASES: readonly ConformanceCase[] = [
  {
    id: 'BYOK-PARAMETERS-01',
    title: 'import parameters say all that CMK and the tenant need',
    profiles: ['BYOK'],
    requirements: ['R-KEY-31'],
    row: '7.3 GetImportParameters; 3.8',
    steps: [
      ...PENDING_KEY,
      {
        call: 'GetImportParameters',
        request: { ...ofKey(CREATED), algorithm: AES256 },
        answers: {
          importParameters: {
            publicKey: { is: 'like', pattern: /^-----BEGIN PUBLIC KEY-----\n[\w+/=\n]+-----END PUBLIC KEY-----\s*$/ },
            wrappingAlgorithm: { is: 'oneOf', values: ['CKM_RSA_AES_KEY_WRAP', 'CKM_RSA_PKCS_OAEP'] },
            hashFunction: { is: 'oneOf', values: ['SHA1', 'SHA256'] },
            providerParams: { is: 'present' },
            validTo: { is: 'future' },
          },
        },
      },
    ],
  },
  {
    id: 'BYOK-PARAMETERS-02',
    title: 'they can be fetched again, and older ones stay good',
    profiles: ['BYOK'],
    requirements: ['R-KEY-31'],
    row: '7.3 GetImportParameters, repeatable',
    steps: [
      ...PENDING_KEY,
      { call: 'GetImportParameters', request: { ...ofKey(CREATED), algorithm: AES256 }, times: 2, answers: {} },
      { wrap: '$parameters', as: 'wrapped' },
      { call: 'ImportKeyMaterial', request: importing('$wrapped'), answers: {} },
      IS_ENABLED,
    ],
  },
  {
    id: 'BYOK-PARAMETERS-03',
    title: 'a key that has its material',
    profiles: ['BYOK'],
    requirements: ['R-KEY-35'],
    row: '7.3 GetImportParameters, key exists already',
    steps: [
      ...IMPORTED_KEY,
      { call: 'GetImportParameters', request: { ...ofKey(CREATED), algorithm: AES256 }, refused: PRECONDITION },
    ],
  },
  {
    id: 'BYOK-PARAMETERS-04',
    title: 'a key that its owner made',
    profiles: ['BYOK'],
    requirements: ['R-KEY-35'],
    row: '7.3 GetImportParameters, key exists already',
    steps: [{ call: 'GetImportParameters', request: { ...ofKey('$key'), algorithm: AES256 }, refused: PRECONDITION }],
  },
  {
    id: 'BYOK-PARAMETERS-05',
    title: 'a key that was never created',
    profiles: ['BYOK'],
    requirements: ['R-KEY-35', 'R-ERR-02'],
    row: '7.3 GetImportParameters, state PENDING_IMPORT',
    steps: [
      { call: 'GetImportParameters', request: { ...ofKey('$missingKey'), algorithm: AES256 }, refused: keyNotFound },
    ],
  },
  {
    id: 'BYOK-PARAMETERS-06',
    title: 'another algorithm than the key has',
    profiles: ['BYOK'],
    requirements: ['R-ERR-10'],
    row: '7.3 GetImportParameters; G8',
    steps: [
      ...PENDING_KEY,
      ...([0, 2, 3, 99] as const).map((algorithm): CallStep => ({
        call: 'GetImportParameters',
        request: { ...ofKey(CREATED), algorithm: algorithm as typeof AES256 },
        refused: INVALID,
      })),
    ],
  },
];
