import {
  createPluginClient,
  type PluginClient,
  type PluginContract,
  serviceName,
} from '../../../plugin-host/contract.ts';
import { keystoreContract, keystoreProviderContract } from '../../../keystore-contract/host-contract.ts';
import { PLUGIN_TYPES, SERVICE_NAMES } from '../../../keystore-contract/plugin-types.ts';
import type { EncryptResponse } from '../../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import { HealthService } from '../../../proto/gen/grpc/health/v1/health.ts';

describe('typed clients', () => {
  test('have the unary methods of the definition, and hand each its method and request', async () => {
    const calls: unknown[] = [];
    const client: PluginClient<typeof keystoreContract> = createPluginClient(keystoreContract, (...call) => {
      calls.push(call);
      return Promise.resolve({ ciphertext: Buffer.from('vault:v1:eA=='), keyVersionId: '1' });
    });
    const request = { parameters: undefined, plaintext: Buffer.from('x') };
    const answer: EncryptResponse = await client.crypto.encrypt(request, { timeoutMs: 5 });
    expect(answer.keyVersionId).toBe('1');
    expect(calls).toEqual([[keystoreContract.services.crypto.definition.encrypt, request, { timeoutMs: 5 }]]);
  });

  test('leave streaming methods out', () => {
    const contract = { type: 'T', services: { health: { definition: HealthService, required: true } } } as const;
    const client = createPluginClient(contract, () => Promise.resolve());
    expect(Object.keys(client.health)).not.toContain('watch');
    expect(Object.keys(client.health)).toContain('check');
  });
});

test.each([
  ['KeystoreInstanceKeyOperation', keystoreContract],
  ['KeystoreProvider', keystoreProviderContract],
] as const)('the contract of %s requires what Init names and nothing else', (type, contract: PluginContract) => {
  const names = (required: boolean): string[] =>
    Object.values(contract.services)
      .filter((service) => service.required === required)
      .map(({ definition }) => serviceName(definition));
  const { named, unnamed } = PLUGIN_TYPES[type];
  expect(contract.type).toBe(type);
  expect(names(true)).toEqual(named.filter((key) => key !== 'config').map((key) => SERVICE_NAMES[key]));
  expect(names(false)).toEqual(unnamed.map((key) => SERVICE_NAMES[key]));
});
