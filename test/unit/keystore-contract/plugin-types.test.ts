import { keystoreContract, keystoreProviderContract } from '../../../keystore-contract/host-contract.ts';
import {
  initServiceNames,
  PLUGIN_PROTOCOL_VERSION,
  PLUGIN_TYPES,
  SERVICE_DEFINITIONS,
  SERVICE_NAMES,
  type PluginType,
  type ServiceKey,
} from '../../../keystore-contract/plugin-types.ts';

const TYPES = Object.keys(PLUGIN_TYPES) as PluginType[];

describe('plugin types', () => {
  it.each([
    [
      'KeystoreInstanceKeyOperation',
      ['plugin.keystore.operations.v1.KeystoreInstanceKeyOperation', 'service.common.config.v1.Config'],
    ],
    ['KeystoreProvider', ['plugin.keystore.management.v1.KeystoreProvider', 'service.common.config.v1.Config']],
  ] as const)('R-PROC-20 Init of %s names its own service first, then Config', (type, names) => {
    expect(initServiceNames(type)).toEqual(names);
  });

  it('R-PROC-20 are these two and no others', () => {
    expect(TYPES).toEqual(['KeystoreInstanceKeyOperation', 'KeystoreProvider']);
    expect(PLUGIN_PROTOCOL_VERSION).toBe(1);
  });

  it('R-PROC-20 the crypto service is served and not named, since the Go catalog warns of what it does not know', () => {
    expect(PLUGIN_TYPES.KeystoreInstanceKeyOperation.unnamed).toEqual(['cryptoOperation']);
    expect(initServiceNames('KeystoreInstanceKeyOperation')).not.toContain(SERVICE_NAMES.cryptoOperation);
  });

  it.each(Object.keys(SERVICE_NAMES) as ServiceKey[])('the definition of %s has paths of its name', (key) => {
    const methods = Object.values<{ readonly path: string }>(SERVICE_DEFINITIONS[key]);
    const paths = methods.map(({ path }) => path.split('/')[1]);
    expect(new Set(paths)).toEqual(new Set([SERVICE_NAMES[key]]));
  });
});

describe('what a host hands to the host library', () => {
  it.each([
    [keystoreContract, 'KeystoreInstanceKeyOperation'],
    [keystoreProviderContract, 'KeystoreProvider'],
  ] as const)('has the services of its type, the named ones required', (contract, type) => {
    expect(contract.type).toBe(type);
    expect(contract.protocolVersions).toEqual([1]);
    const services = Object.values<{ readonly definition: object; readonly required: boolean }>(contract.services);
    const required = services.map(({ definition, required }) => [definition, required]);
    const named = PLUGIN_TYPES[type].named.filter((key) => key !== 'config');
    expect(required).toEqual([
      ...named.map((key) => [SERVICE_DEFINITIONS[key], true]),
      ...PLUGIN_TYPES[type].unnamed.map((key) => [SERVICE_DEFINITIONS[key], false]),
    ]);
  });
});
