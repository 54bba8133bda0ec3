import { readFileSync } from 'node:fs';

import { operatorPolicy } from '../../../../src/openbao/provider/operator-policy.ts';
import type { KeystorePlace } from '../../../../src/openbao/provider/place.ts';
import { trustPolicy } from '../../../../src/openbao/provider/trust-policies.ts';

const PLACE: KeystorePlace = {
  name: 'n',
  namespace: 'a/n',
  below: 'n/',
  transitMount: 'keys-of-n',
  stateMount: 'state-of-n',
  authMount: 'cert',
};

const OWN_TOKEN = `path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
`;

const rules = (policy: string): string[] => [...policy.matchAll(/^path "(.+)"/gm)].map(([, path = '']) => path);

describe('policies of trust', () => {
  test('R-PROVIDER-05 the role management has no right but over its own token', () => {
    expect(trustPolicy(PLACE, 'ROLES')).toBe(OWN_TOKEN);
  });

  test('R-PROVIDER-04 crypto trust encrypts and decrypts', () => {
    expect(trustPolicy(PLACE, 'CRYPTO')).toBe(`path "keys-of-n/encrypt/+" {
  capabilities = ["update"]
}
path "keys-of-n/decrypt/+" {
  capabilities = ["update"]
}
${OWN_TOKEN}`);
  });

  test('R-PROVIDER-03 key management allows by name every field that may be written', () => {
    const policy = trustPolicy(PLACE, 'MANAGEMENT');
    expect(policy).toContain(`path "keys-of-n/keys/+" {
  capabilities = ["read", "update", "delete"]
  allowed_parameters = { "type" = [] }
}
path "keys-of-n/keys/+/config" {
  capabilities = ["update"]
  allowed_parameters = { "deletion_allowed" = [] }
}
path "keys-of-n/keys/+/import" {
  capabilities = ["update"]
  allowed_parameters = { "type" = [], "hash_function" = [], "ciphertext" = [] }
}
`);
    expect(policy).not.toMatch(/encrypt|decrypt|rewrap|datakey|export|backup|rotate|trim|sudo|list/);
    expect(policy.endsWith(OWN_TOKEN)).toBe(true);
  });

  test.each(['ROLES', 'CRYPTO', 'MANAGEMENT'] as const)(
    'R-PROVIDER-05 %s reaches no mount but those of the keystore',
    (kind) => {
      for (const path of rules(trustPolicy(PLACE, kind))) {
        expect(path).toMatch(/^(keys-of-n\/|state-of-n\/|auth\/token\/\w+-self$|sys\/capabilities-self$)/);
        expect(path).not.toContain('*');
      }
    },
  );
});

describe.each(['namespace', 'mount'] as const)(
  'R-PROVIDER-13 the policy of the operator: isolation %s',
  (isolation) => {
    const policy = operatorPolicy({ isolation, namePrefix: 'kcm-', authMount: 'tls' });

    test('uses no key, reads no secret, and can set nothing of a Transit mount but that it refuses upserts', () => {
      for (const path of rules(policy)) {
        expect(path).not.toMatch(/encrypt|decrypt|rewrap|datakey|export|backup|keys\/|data\/|\*\/|^\*|^\+$/);
      }
      expect(policy).toContain(`config/keys" {
  capabilities = ["update"]
  allowed_parameters = { "disable_upsert" = [true] }
  required_parameters = ["disable_upsert"]
}`);
    });

    test('is the documented one', () => {
      const documented = operatorPolicy({ isolation, namePrefix: 'openkcm-', authMount: 'cert' });
      expect(readFileSync('docs/operations.md', 'utf8')).toContain(`\`\`\`hcl\n${documented}\`\`\``);
    });

    test('where a name ends in a star it begins with the prefix', () => {
      const open = rules(policy).filter((path) => path.includes('*'));
      expect(open.length).toBeGreaterThan(2);
      for (const path of open) expect(path).toMatch(/\/kcm-\*$/);
    });
  },
);
