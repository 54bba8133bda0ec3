import { status } from '@grpc/grpc-js';

import type { CallStep, ConformanceCase, Profile } from '../case.ts';
import type { MethodName } from '../methods.ts';
import { STILL_SERVES } from './requests.ts';

const { FAILED_PRECONDITION, INVALID_ARGUMENT, OK } = status;

type Row = readonly [method: MethodName, profile: Profile, ends: readonly status[]];

// ValidateKey has an answer for everything, and a configured region needs no key.
const ROWS: readonly Row[] = [
  ['GetKey', 'HYOK', [INVALID_ARGUMENT]],
  ['GetKeyVersions', 'HYOK', [INVALID_ARGUMENT]],
  ['ValidateKeyAccessData', 'HYOK', [INVALID_ARGUMENT, OK]],
  ['ExtractKeyRegion', 'HYOK', [INVALID_ARGUMENT, OK]],
  ['TransformCryptoAccessData', 'HYOK', [INVALID_ARGUMENT]],
  ['ValidateKey', 'BYOK', [OK]],
  ['CreateKey', 'BYOK', [INVALID_ARGUMENT]],
  ['GetImportParameters', 'BYOK', [INVALID_ARGUMENT]],
  ['ImportKeyMaterial', 'BYOK', [INVALID_ARGUMENT]],
  ['EnableKey', 'BYOK', [INVALID_ARGUMENT]],
  ['DisableKey', 'BYOK', [INVALID_ARGUMENT]],
  ['DeleteKey', 'BYOK', [INVALID_ARGUMENT]],
  ['Encrypt', 'DATA', [INVALID_ARGUMENT]],
  ['Decrypt', 'DATA', [INVALID_ARGUMENT]],
  ['Rewrap', 'DATA', [INVALID_ARGUMENT]],
  ['GetKeyStatus', 'DATA', [INVALID_ARGUMENT]],
  ['CheckHealth', 'DATA', [INVALID_ARGUMENT, OK]],
];

// The request is optional in every kind of call, which the compiler cannot see of a union.
const empty = (call: MethodName, ends: readonly status[]) => ({ call, ends }) as CallStep;

/** An empty message to every method: what is claimed says what is wrong, what is not claimed says so. */
export const EMPTY_REQUEST_CASES: readonly ConformanceCase[] = [
  ...ROWS.filter(([, profile]) => profile !== 'DATA').map(([method, , ends], index): ConformanceCase => ({
    id: `BASE-EMPTY-${numbered(index)}`,
    title: `${method} of an empty message is served`,
    profiles: [],
    requirements: ['R-PROC-22', 'R-ERR-09'],
    row: '7.1 G3; A12',
    steps: [empty(method, [...ends, FAILED_PRECONDITION])],
  })),
  ...(['HYOK', 'BYOK', 'DATA'] as const).map((profile): ConformanceCase => ({
    id: `${profile}-EMPTY-01`,
    title: 'an empty message is answered with what it lacks, and the plugin goes on',
    profiles: [profile],
    requirements: ['R-ERR-09'],
    row: '7.1 G8; A12',
    steps: [...ROWS.filter(([, own]) => own === profile).map(([method, , ends]) => empty(method, ends)), STILL_SERVES],
  })),
];

function numbered(index: number): `${number}` {
  return String(index + 1).padStart(2, '0') as `${number}`;
}
