import { OPERATOR_RULES } from '../provider/operator-policy.ts';
import { nameOf, type PolicyLine } from './least-policies.ts';

/** What a provider keeps keystores apart with. */
type Isolation = keyof typeof OPERATOR_RULES;

/** What the operator is, in a sentence. */
export const OPERATOR_PURPOSE =
  'Makes and removes keystores, and grants trust in them. Its namespace should hold keystores and nothing else: in the middle of a path `+` is any name.';

/** A method of `KeystoreProvider`. */
export type ProviderOperation =
  'CreateKeystore' | 'FinalizeKeystoreSetup' | 'GetKeystoreStatus' | 'GrantTrust' | 'RemoveTrust' | 'DeleteKeystore';

/** Names as the provider's configuration has them: what names of keystores begin with, and the mount of certificate logins. */
export interface ProviderNames {
  readonly namePrefix: string;
  readonly authMount: string;
}

const PLACEHOLDERS: ProviderNames = { namePrefix: '<prefix>', authMount: '<auth>' };

/**
 * The lines of the provider's own identity, the operator, without those on its own token. The rights are those of the one
 * list that is documented with the provider; here is said what each of them is for.
 *
 * @throws Error when the list and what is said here do not belong together
 */
export function providerLines(
  isolation: Isolation,
  names: ProviderNames = PLACEHOLDERS,
): readonly PolicyLine<ProviderOperation>[] {
  const rules = OPERATOR_RULES[isolation]({ ...names, isolation });
  const templates = OPERATOR_RULES[isolation]({ ...PLACEHOLDERS, isolation });
  const reasons = REASONS[isolation];
  const lines = rules.flatMap(({ capabilities, ...rule }, index) =>
    capabilities.map((capability) => {
      const line = nameOf({ capability, path: templates[index]?.path ?? rule.path });
      const operations = reasons[line];
      if (operations === undefined) throw new Error(`nothing says what the operator needs this for: ${line}`);
      return { ...rule, capability, operations };
    }),
  );
  if (lines.length !== Object.keys(reasons).length) throw new Error('a right is explained that the operator has not');
  return lines;
}

const STATUS = ['GetKeystoreStatus', 'FinalizeKeystoreSetup'] as const;

const REASONS: Readonly<Record<Isolation, Readonly<Record<string, readonly ProviderOperation[]>>>> = {
  namespace: {
    'read sys/namespaces/<prefix>*': [...STATUS, 'DeleteKeystore'],
    'update sys/namespaces/<prefix>*': ['CreateKeystore'],
    'delete sys/namespaces/<prefix>*': ['DeleteKeystore'],
    'update +/sys/mounts/transit': ['CreateKeystore'],
    'update +/sys/mounts/keystore-state': ['CreateKeystore'],
    'update +/sys/auth/<auth>': ['CreateKeystore'],
    'sudo +/sys/auth/<auth>': ['CreateKeystore'],
    'update +/transit/config/keys': ['CreateKeystore'],
    'read +/transit/wrapping_key': ['CreateKeystore'],
    'list +/transit/keys': ['DeleteKeystore'],
    'list +/sys/policies/acl': ['RemoveTrust', 'DeleteKeystore'],
    'update +/sys/policies/acl/<prefix>*': ['CreateKeystore', 'GrantTrust'],
    'delete +/sys/policies/acl/<prefix>*': ['RemoveTrust', 'DeleteKeystore'],
    'list +/auth/<auth>/certs': ['GrantTrust', 'DeleteKeystore'],
    'update +/auth/<auth>/certs/<prefix>*': ['CreateKeystore', 'GrantTrust'],
    'delete +/auth/<auth>/certs/<prefix>*': ['RemoveTrust'],
    'list +/auth/token/accessors': ['RemoveTrust'],
    'sudo +/auth/token/accessors': ['RemoveTrust'],
    'update +/auth/token/lookup-accessor': ['RemoveTrust'],
    'update +/auth/token/revoke-accessor': ['RemoveTrust'],
  },
  mount: {
    'read sys/mounts/<prefix>*': STATUS,
    'update sys/mounts/<prefix>*': ['CreateKeystore'],
    'delete sys/mounts/<prefix>*': ['DeleteKeystore'],
    'update +/config/keys': ['CreateKeystore'],
    'read +/wrapping_key': ['CreateKeystore'],
    'list +/keys': ['DeleteKeystore'],
    'list sys/policies/acl': ['RemoveTrust', 'DeleteKeystore'],
    'update sys/policies/acl/<prefix>*': ['CreateKeystore', 'GrantTrust'],
    'delete sys/policies/acl/<prefix>*': ['RemoveTrust', 'DeleteKeystore'],
    'list auth/<auth>/certs': ['GrantTrust', 'DeleteKeystore'],
    'update auth/<auth>/certs/<prefix>*': ['CreateKeystore', 'GrantTrust'],
    'delete auth/<auth>/certs/<prefix>*': ['RemoveTrust', 'DeleteKeystore'],
    'list auth/token/accessors': ['RemoveTrust', 'DeleteKeystore'],
    'sudo auth/token/accessors': ['RemoveTrust', 'DeleteKeystore'],
    'update auth/token/lookup-accessor': ['RemoveTrust', 'DeleteKeystore'],
    'update auth/token/revoke-accessor': ['RemoveTrust', 'DeleteKeystore'],
  },
};
