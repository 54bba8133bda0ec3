import { HealthState, KeyStatus, KeyUsage } from '../../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import type { ConformanceCase } from '../case.ts';
import { CRYPTO_REFUSALS } from '../pairs.ts';
import { A, decrypts, encrypt, PLAINTEXT } from './crypto-steps.ts';
import { AES256, config, INVALID, ofKey } from './requests.ts';

const { authentication } = CRYPTO_REFUSALS;

export const STATUS_CASES: readonly ConformanceCase[] = [
  {
    id: 'DATA-STATUS-01',
    title: 'status of a usable key',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-20'],
    row: 'design 4, GetKeyStatus',
    steps: [
      {
        call: 'GetKeyStatus',
        request: { ...ofKey('$key'), requestId: 'conformance.status-1' },
        answers: {
          status: KeyStatus.KEY_STATUS_ENABLED,
          algorithm: AES256,
          usages: { is: 'oneOf', values: [[KeyUsage.KEY_USAGE_ENCRYPT, KeyUsage.KEY_USAGE_DECRYPT]] },
          latestKeyVersionId: { is: 'like', pattern: /^[1-9]\d{0,9}$/ },
          minDecryptionKeyVersionId: { is: 'like', pattern: /^[1-9]\d{0,9}$/ },
          latestRotationTime: { is: 'present' },
          maxPlaintextBytes: { is: 'atLeast', least: 32 },
          supportsAssociatedData: true,
          supportsRewrap: true,
        },
      },
    ],
  },
  {
    id: 'DATA-STATUS-02',
    title: 'newest and lowest version follow the key',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-20', 'R-KEY-10'],
    row: 'design 4, GetKeyStatus',
    steps: [
      { act: 'newKey', as: 'own' },
      { call: 'GetKeyStatus', request: ofKey('$own'), answers: { latestKeyVersionId: '1' }, as: 'before' },
      { act: 'rotate', on: '$own' },
      {
        call: 'GetKeyStatus',
        request: ofKey('$own'),
        answers: {
          latestKeyVersionId: '2',
          minDecryptionKeyVersionId: '1',
          latestRotationTime: { is: 'laterThan', other: '$before.latestRotationTime' },
        },
      },
      { act: 'retire', on: '$own' },
      { call: 'GetKeyStatus', request: ofKey('$own'), answers: { minDecryptionKeyVersionId: '2' } },
    ],
  },
  {
    id: 'DATA-STATUS-03',
    title: 'an RSA key says what it takes',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-20'],
    row: 'design 4, GetKeyStatus',
    steps: [
      {
        call: 'GetKeyStatus',
        request: ofKey('$rsaKey'),
        answers: {
          status: KeyStatus.KEY_STATUS_ENABLED,
          algorithm: { is: 'oneOf', values: [2, 3] },
          maxPlaintextBytes: { is: 'atLeast', least: 318 },
          supportsAssociatedData: false,
        },
      },
      {
        call: 'Encrypt',
        request: { ...ofKey('$rsaKey'), plaintext: PLAINTEXT, associatedData: A },
        refused: INVALID,
      },
      encrypt('made', '$rsaKey'),
      decrypts('$made.ciphertext', '$rsaKey'),
    ],
  },
  {
    id: 'DATA-HEALTH-01',
    title: 'health of the keystore, as seen a moment ago',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-21'],
    row: 'design 4, CheckHealth',
    steps: [
      { call: 'GetKeyStatus', request: ofKey('$key'), answers: {} },
      {
        call: 'CheckHealth',
        request: { ...config(), deep: false },
        answers: {
          state: HealthState.HEALTH_STATE_ACTIVE,
          provider: { is: 'present' },
          providerVersion: { is: 'present' },
          checkedAt: { is: 'recent', seconds: 11 },
          endpoints: {
            is: 'list',
            each: { id: { is: 'present' }, state: HealthState.HEALTH_STATE_ACTIVE, role: { is: 'present' } },
            last: { id: { is: 'present' } },
          },
        },
      },
    ],
  },
  {
    id: 'DATA-HEALTH-02',
    title: 'deep health proves the identity of the call',
    profiles: ['DATA'],
    needs: ['deepHealth'],
    requirements: ['R-CRYPTO-23'],
    row: 'design 4, CheckHealth deep',
    steps: [
      {
        call: 'CheckHealth',
        request: { ...config(), deep: true },
        answers: { state: HealthState.HEALTH_STATE_ACTIVE },
      },
    ],
  },
  {
    id: 'DATA-HEALTH-03',
    title: 'deep health of a stranger',
    profiles: ['DATA'],
    needs: ['deepHealth'],
    requirements: ['R-CRYPTO-23'],
    row: 'design 4, CheckHealth deep',
    steps: [{ call: 'CheckHealth', request: { ...config('$strangerValues'), deep: true }, refused: authentication }],
  },
  {
    id: 'DATA-HEALTH-04',
    title: 'an address that no call has used is not looked at',
    profiles: ['DATA'],
    requirements: ['R-CRYPTO-22'],
    row: 'design 4, CheckHealth',
    steps: [
      {
        call: 'CheckHealth',
        request: { ...config('$unvisitedValues'), deep: false },
        answers: { state: HealthState.HEALTH_STATE_UNSPECIFIED, reason: { is: 'present' } },
      },
    ],
  },
];
