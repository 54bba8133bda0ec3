import { basename, dirname } from 'node:path';

import { keystoreContract } from '../../../keystore-contract/host-contract.ts';
import { hostSubject } from '../../../plugin-host/command/conformance-subject.ts';
import { startPluginHost } from '../../../plugin-host/index.ts';
import { builtPlugin, sha256 } from '../../support/built-plugin.ts';
import { createCustomerStage, LACKING } from '../../support/conformance-stage.ts';
import { type ConformanceSetting, conformanceSuite } from '../../support/conformance-suite.ts';
import { AUTH_METHODS, type AuthMethod, type Customer, startCustomer } from '../../support/customer.ts';
import { recordLog } from './host-fixture.ts';

const CALL_TIMEOUT_MS = 20_000;

describe('the executable under the host library', () => {
  let customer: Customer;
  beforeAll(async () => {
    customer = await startCustomer();
  });
  afterAll(() => customer[Symbol.asyncDispose]());

  describe.each(AUTH_METHODS)('with the identity by %s', (method: AuthMethod) => {
    conformanceSuite(async (): Promise<ConformanceSetting> => {
      const { stage, yaml } = await createCustomerStage(customer, method);
      const file = builtPlugin();
      const host = await startPluginHost({
        directory: dirname(file),
        logger: recordLog([]),
        plugins: {
          OPENBAO: {
            contract: keystoreContract,
            file: basename(file),
            sha256: sha256(file),
            configuration: yaml,
            callTimeoutMs: CALL_TIMEOUT_MS,
          },
        },
      });
      const plugin = host.plugin('OPENBAO');
      await plugin.ready();
      return { stage, subject: hostSubject(plugin.client), [Symbol.asyncDispose]: () => host.close() };
    }, LACKING[method]);
  });
});
