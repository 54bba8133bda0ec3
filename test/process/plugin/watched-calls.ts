import { randomBytes, randomUUID } from 'node:crypto';
import { inspect } from 'node:util';

import { Metadata, type ServiceError } from '@grpc/grpc-js';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { parseStatusDetails, STATUS_DETAILS_KEY } from '../../../plugin-protocol/status-details.ts';
import { KeyAlgorithm, KeyType } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { type Canary, isDistinct } from '../../support/canaries.ts';
import { wrapKeyMaterial } from '../../support/key-material.ts';
import type { PluginConnection } from '../../support/plugin-connection.ts';

const { cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;
const algorithm = KeyAlgorithm.KEY_ALGORITHM_AES256;

/** A connection whose calls are kept: their secrets, and their failures in every form of printing. */
export interface WatchedCalls extends Pick<PluginConnection, 'call'> {
  readonly canaries: readonly Canary[];
  readonly failures: readonly string[];
}

export function watchCalls({ call }: Pick<PluginConnection, 'call'>): WatchedCalls {
  const canaries: Canary[] = [];
  const failures: string[] = [];
  return {
    canaries,
    failures,
    async call(method, request, options) {
      canaries.push(...secretsIn(request));
      try {
        const response = await call(method, request, options);
        canaries.push(...secretsIn(response));
        return response;
      } catch (error) {
        failures.push(...printed(error as ServiceError));
        throw error;
      }
    },
  };
}

/** Brings a key of known material, and encrypts and decrypts with it. Adds what nobody else knows of to the canaries. */
export async function bringKey(
  { call }: Pick<WatchedCalls, 'call'>,
  { canaries, values }: { readonly canaries: Canary[]; readonly values: Readonly<Record<string, unknown>> },
): Promise<void> {
  const [keyId, material] = [randomUUID(), randomBytes(32)];
  canaries.push({ name: 'key material', value: material });
  const parameters = { keyId, config: { values } };
  const keyType = KeyType.KEY_TYPE_BYOK;
  await call(keyOperation.createKey, { config: { values }, id: keyId, algorithm, keyType, region: 'eu10' });
  const { importParameters: issued } = await call(keyOperation.getImportParameters, { parameters, algorithm });
  const { providerParams, publicKey } = issued as Record<'providerParams' | 'publicKey', string>;
  await call(keyOperation.importKeyMaterial, {
    parameters,
    importParameters: { providerParams },
    encryptedKeyMaterial: wrapKeyMaterial(publicKey, material),
  });
  const { ciphertext } = await call(cryptoOperation.encrypt, { parameters, plaintext: randomBytes(48) });
  await call(cryptoOperation.decrypt, { parameters, ciphertext });
}

const SECRET_MEMBERS: Readonly<Record<string, string>> = {
  plaintext: 'plaintext',
  ciphertext: 'ciphertext',
  encryptedKeyMaterial: 'wrapped key material',
};

function secretsIn(message: unknown): Canary[] {
  return Object.entries(Object(message) as Record<string, unknown>).flatMap(([member, value]) => {
    const name = SECRET_MEMBERS[member];
    if (name === undefined || !(typeof value === 'string' || Buffer.isBuffer(value))) return [];
    return isDistinct(value) ? [{ name, value }] : [];
  });
}

function printed(error: ServiceError): string[] {
  const { metadata } = error;
  const trailers = metadata instanceof Metadata ? Object.entries(metadata.getMap()) : [];
  const [details] = metadata instanceof Metadata ? metadata.get(STATUS_DETAILS_KEY) : [];
  return [
    String(error),
    JSON.stringify(error),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    inspect(error, { depth: 9, showHidden: true }),
    ...trailers.flatMap(([name, value]) => [name, value.toString('latin1'), value.toString()]),
    ...(Buffer.isBuffer(details) ? [JSON.stringify(parseStatusDetails(details))] : []),
  ];
}
