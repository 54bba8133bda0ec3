import type { ConformanceCase } from '../case.ts';
import { ACCESS_DATA_CASES } from './access-data.ts';
import { CIPHERTEXT_CASES } from './ciphertext.ts';
import { CREATE_KEY_CASES } from './create-key.ts';
import { CRYPTO_REFUSAL_CASES } from './crypto-refusals.ts';
import { DELETE_KEY_CASES } from './delete-key.ts';
import { EMPTY_REQUEST_CASES } from './empty-requests.ts';
import { ENCRYPT_CASES } from './encrypt.ts';
import { GET_KEY_REFUSALS } from './get-key-refusals.ts';
import { GET_KEY_VERSIONS_CASES } from './get-key-versions.ts';
import { GET_KEY_CASES } from './get-key.ts';
import { HOSTILE_SIZE_CASES } from './hostile-sizes.ts';
import { HOSTILE_CASES } from './hostile.ts';
import { IMPORT_KEY_CASES } from './import-key.ts';
import { IMPORT_PARAMETERS_CASES } from './import-parameters.ts';
import { KEY_STATE_CASES } from './key-state.ts';
import { REGION_CASES } from './regions.ts';
import { STATUS_CASES } from './status.ts';
import { VALIDATE_KEY_CASES } from './validate-key.ts';
import { WRONG_MATERIAL_CASES } from './wrong-material.ts';

/** Every case, in the order in which they run. */
export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...EMPTY_REQUEST_CASES,
  ...GET_KEY_CASES,
  ...GET_KEY_REFUSALS,
  ...GET_KEY_VERSIONS_CASES,
  ...ACCESS_DATA_CASES,
  ...REGION_CASES,
  ...VALIDATE_KEY_CASES,
  ...CREATE_KEY_CASES,
  ...IMPORT_PARAMETERS_CASES,
  ...IMPORT_KEY_CASES,
  ...WRONG_MATERIAL_CASES,
  ...KEY_STATE_CASES,
  ...DELETE_KEY_CASES,
  ...ENCRYPT_CASES,
  ...CIPHERTEXT_CASES,
  ...CRYPTO_REFUSAL_CASES,
  ...STATUS_CASES,
  ...HOSTILE_CASES,
  ...HOSTILE_SIZE_CASES,
];
