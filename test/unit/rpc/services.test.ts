import {
  PLUGIN_TYPES,
  type PluginType,
  SERVICE_DEFINITIONS,
  type ServiceKey,
} from '../../../keystore-contract/plugin-types.ts';
import { BUILD_INFO } from '../../../src/build-info.ts';
import { createKeystoreServices } from '../../../src/rpc/services.ts';
import { recordLog } from '../../support/record-log.ts';

const TYPES = Object.keys(PLUGIN_TYPES) as PluginType[];
const SERVED: Readonly<Record<PluginType, readonly ServiceKey[]>> = {
  KeystoreInstanceKeyOperation: ['bootstrap', 'keyOperation', 'config', 'cryptoOperation'],
  KeystoreProvider: ['bootstrap', 'provider', 'config'],
};

function servicesOf(type: PluginType) {
  const { log } = recordLog();
  return createKeystoreServices({ type, log, buildInfo: BUILD_INFO, stopSignal: new AbortController().signal });
}

describe.each(TYPES)('the services of %s', (type) => {
  it('R-PROC-20 are these, in this order', () => {
    expect(servicesOf(type).registrations.map(({ definition }) => definition)).toEqual(
      SERVED[type].map((key) => SERVICE_DEFINITIONS[key]),
    );
  });

  it('R-PROC-22 have a handler for every method, so that none is ever unimplemented', () => {
    for (const { definition, implementation } of servicesOf(type).registrations) {
      expect(Object.keys(implementation).sort()).toEqual(Object.keys(definition).sort());
      expect(Object.values(implementation).every((handler) => typeof handler === 'function')).toBe(true);
    }
  });

  it('end at once when there was no configuration', async () => {
    const services = servicesOf(type);
    await services.close();
    await services.close(AbortSignal.abort());
  });
});
