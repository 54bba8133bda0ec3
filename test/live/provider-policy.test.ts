import {
  type Isolation,
  ISOLATIONS,
  type KeystoreOperator,
  startKeystoreOperator,
} from '../support/keystore-operator.ts';
import type { Identity } from '../support/pki.ts';
import {
  come,
  CRYPTO,
  CRYPTO_SUBJECT,
  type Keystore,
  openProviderStage,
  provider,
  type ProviderStage,
  SUBJECT,
} from './provider-stage.ts';

let operator: KeystoreOperator;
let identity: Identity;
beforeAll(async () => {
  operator = await startKeystoreOperator();
  identity = await operator.issue(CRYPTO_SUBJECT);
});
afterAll(() => operator[Symbol.asyncDispose]());

/** Every policy that is the documented one but for one capability. */
function* poorer(isolation: Isolation) {
  const rules = operator.rules(isolation);
  for (const rule of rules) {
    for (const lacking of rule.capabilities) {
      const capabilities = rule.capabilities.filter((capability) => capability !== lacking);
      const changed = capabilities.length === 0 ? [] : [{ ...rule, capabilities }];
      yield { what: `${lacking} on ${rule.path}`, rules: rules.flatMap((each) => (each === rule ? changed : [each])) };
    }
  }
}

/** All that the provider can be asked for, the cheap first, since one refusal is enough. */
async function useAll(
  { createKeystore, grant, plugin, removeTrust }: ProviderStage,
  keystore: Keystore,
): Promise<void> {
  await plugin.call(provider.getKeystoreStatus, { accountId: keystore.name });
  const accessData = await grant(keystore, CRYPTO, SUBJECT);
  await come(operator, identity, accessData);
  await removeTrust(keystore, accessData);
  const another = await createKeystore();
  await come(operator, another.roleManager, another.roleAccess);
  await plugin.call(provider.deleteKeystore, { config: { values: another.roleAccess } });
}

describe.each(ISOLATIONS)('R-PROVIDER-13 the policy of the operator: isolation %s', (isolation) => {
  let stage: ProviderStage;
  let keystore: Keystore;
  beforeAll(async () => {
    stage = await openProviderStage(operator, isolation);
    keystore = await stage.createKeystore();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('is enough', async () => {
    await useAll(stage, keystore);
  });

  it('has nothing to spare: without any one capability something is denied', async () => {
    const enough: string[] = [];
    const variants = [...poorer(isolation)];
    for (const { rules, what } of variants) {
      await operator.setRules(isolation, rules);
      const outcome = await useAll(stage, keystore).then(
        () => 'nothing',
        (error: unknown) => (error as { details: string }).details,
      );
      // The operations face puts a denial in the words of an authentication failure.
      if (outcome !== 'failed to authenticate with the keystore provider') enough.push(`${what}: ${outcome}`);
    }
    await operator.setRules(isolation, operator.rules(isolation));
    expect(variants.length).toBeGreaterThan(15);
    expect(enough).toEqual([]);
  });
});
