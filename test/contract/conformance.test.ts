import { SERVICE_DEFINITIONS } from '../../keystore-contract/plugin-types.ts';
import { createCustomerStage, LACKING } from '../support/conformance-stage.ts';
import { connectionSubject } from '../support/conformance-subject.ts';
import { type ConformanceSetting, conformanceSuite } from '../support/conformance-suite.ts';
import { AUTH_METHODS, type AuthMethod, type Customer, startCustomer } from '../support/customer.ts';
import { startInProcessPlugin } from '../support/in-process-plugin.ts';
import { startMemoryPlugin } from '../support/memory-plugin.ts';
import { MEMORY_VARIANTS } from '../support/memory-stage.ts';

describe.each(['usual', 'other'] as const)('the sources on a keystore in memory, %s configuration', (variant) => {
  conformanceSuite(() => startMemoryPlugin(variant), MEMORY_VARIANTS[variant].lacks);
});

describe('the sources on OpenBao', () => {
  let customer: Customer;
  beforeAll(async () => {
    customer = await startCustomer();
  });
  afterAll(() => customer[Symbol.asyncDispose]());

  describe.each(AUTH_METHODS)('with the identity by %s', (method: AuthMethod) => {
    conformanceSuite(async (): Promise<ConformanceSetting> => {
      const { stage, yaml } = await createCustomerStage(customer, method);
      const plugin = await startInProcessPlugin();
      await plugin.call(SERVICE_DEFINITIONS.config.configure, { yamlConfiguration: yaml });
      return { stage, subject: connectionSubject(plugin), [Symbol.asyncDispose]: () => plugin[Symbol.asyncDispose]() };
    }, LACKING[method]);
  });
});
