import { randomBytes, randomUUID } from 'node:crypto';

import type { Capability, Stage } from '../../keystore-contract/conformance/stage.ts';
import { keystoreContract } from '../../keystore-contract/host-contract.ts';
import { Struct } from '../../proto/gen/google/protobuf/struct.ts';
import { forgeExpiry } from './conformance-stage.ts';

/** One act of the owner, or of mischief: test/go/cmd/memory says which there are. */
export interface OwnerAct {
  readonly do: string;
  readonly [name: string]: unknown;
}

const OwnerService = {
  do: {
    path: '/test.memory.v1.Owner/Do',
    requestStream: false,
    responseStream: false,
    requestSerialize: (act: OwnerAct): Buffer => Buffer.from(Struct.encode(Struct.wrap(act)).finish()),
    responseDeserialize: (bytes: Buffer): Record<string, unknown> => Struct.unwrap(Struct.decode(bytes)),
  },
} as const;

/** The keystore contract, and beside it the service through which test/go/cmd/memory is steered. */
export const memoryContract = {
  ...keystoreContract,
  services: { ...keystoreContract.services, owner: { definition: OwnerService, required: false } },
} as const;

const ACCOUNT = 'tenant-1';
const REGION = 'eu10';

/** The configuration of test/go/cmd/memory. Without tokens everybody may use every key. */
export function memoryConfiguration(settings: {
  readonly keys: Readonly<Record<string, string>>;
  readonly tokens?: Readonly<Record<string, string>>;
}): string {
  return JSON.stringify({ seed: randomBytes(32).toString('hex'), region: REGION, regions: [REGION], ...settings });
}

/**
 * What no case can find around it, since its keys are all AES-256, their owner is nowhere but in the process itself, and
 * access data name an account instead of a place.
 */
export const MEMORY_LACKS: readonly Capability[] = [
  'rsaKey',
  'signingKey',
  'derivedKey',
  'callCertificate',
  'openBaoAccessData',
  'mismatchedValues',
  'unreachableValues',
  'unvisitedValues',
  'forbiddenAddressValues',
  'missingMountValues',
  'otherMountValues',
  'missingNamespaceValues',
  'deletionDisables',
  'noDefaultRegion',
];

/** What configures test/go/cmd/memory for the conformance suite, and the stage around it; `steer` carries out an act. */
export function createGoMemoryStage(steer: (act: OwnerAct) => Promise<unknown>): { yaml: string; stage: Stage } {
  const token = randomUUID();
  const values = { account: ACCOUNT, token };
  const act =
    (name: string) =>
    async (keyId?: string): Promise<void> => {
      await steer({ do: name, keyId, account: ACCOUNT });
    };
  return {
    yaml: memoryConfiguration({ tokens: { [ACCOUNT]: token }, keys: { usable: ACCOUNT, denied: 'tenant-2' } }),
    stage: {
      facts: {
        key: 'usable',
        values,
        missingKey: 'missing',
        deniedKey: 'denied',
        strangerValues: { ...values, token: randomUUID() },
        management: { account: ACCOUNT },
        region: { account: ACCOUNT },
        missingInManagement: 'account',
        missingInRegion: 'crypto.eu10.account',
        defaultRegion: REGION,
        keyRegion: REGION,
        foreignRegion: 'mars',
        oversizedPlaintext: Buffer.alloc(1024 * 1024 + 1),
      },
      acts: {
        async newKey() {
          const keyId = randomUUID();
          await act('newKey')(keyId);
          return keyId;
        },
        newId: () => Promise.resolve(randomUUID()),
        rotate: act('rotate'),
        softDelete: act('softDelete'),
        restore: act('restore'),
        destroy: act('destroy'),
        retire: act('retire'),
        expire: (providerParams) => Promise.resolve(forgeExpiry(providerParams)),
        seal: act('seal'),
        unseal: act('unseal'),
      },
      traits: ['systemManagedKeys', 'deletionDestroys', 'deepHealth'],
    },
  };
}
