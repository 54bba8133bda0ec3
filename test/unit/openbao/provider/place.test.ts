import fc from 'fast-check';
import { stringify } from 'yaml';

import { parseConfiguration } from '../../../../src/config/parse.ts';
import type { CallAccess } from '../../../../src/keystore/call.ts';
import { KeystoreError } from '../../../../src/keystore/errors.ts';
import type { RoleKind } from '../../../../src/openbao/provider/names.ts';
import { Places } from '../../../../src/openbao/provider/place.ts';

const NAME = 'openkcm-0123456789abcdef';
const EVERY_KIND: readonly RoleKind[] = ['ROLES', 'MANAGEMENT', 'CRYPTO'];

function places(openbao: object = {}, provider: object = {}): Places {
  const configuration = parseConfiguration(
    stringify({
      openbao: { addresses: ['https://bao.example.com:8200', 'https://b.example.com'], ...openbao },
      auth: { method: 'approle', roleId: 'r', secretId: { source: 'file', file: { path: '/s' } } },
      provider: { ca: { value: 'PEM' }, ...provider },
    }),
    { type: 'KeystoreProvider' },
  );
  return new Places(configuration, configuration.provider!);
}

function refusal(read: () => unknown): unknown {
  try {
    read();
  } catch (error) {
    if (error instanceof KeystoreError) return { class: error.class, ...error.details };
    throw error;
  }
  return undefined;
}

describe('R-PROVIDER-01 where a keystore is', () => {
  test.each([
    ['a namespace below the root', {}, {}, { namespace: NAME, mountPath: 'transit' }],
    ['a namespace below another', { namespace: 'a/b' }, {}, { namespace: `a/b/${NAME}`, mountPath: 'transit' }],
    ['mounts in the root', {}, { isolation: 'mount' }, { mountPath: NAME }],
    ['mounts in a namespace', { namespace: 'a/b' }, { isolation: 'mount' }, { namespace: 'a/b', mountPath: NAME }],
  ])('%s', (_, openbao, provider, expected) => {
    const here = places(openbao, provider);
    const { keyManagement, roleManagement } = here.describe(here.named(NAME)!);
    const common = { address: 'https://bao.example.com:8200', authMountPath: 'cert', ...expected };
    const stateMountPath = expected.mountPath === NAME ? `${NAME}-state` : 'keystore-state';
    expect(roleManagement.accessData).toEqual({ ...common, roleName: `${NAME}-roles` });
    expect(keyManagement.accessData).toEqual({ ...common, roleName: `${NAME}-keys`, stateMountPath });
  });

  test('the address that is handed out may be another than the first, in its one form', () => {
    const here = places({}, { address: 'https://Bao.Public.example:443/' });
    expect(here.accessData(here.named(NAME)!, `${NAME}-roles`).address).toBe('https://bao.public.example');
  });

  test.each(['', 'transit', 'other-0123456789abcdef', `${NAME}/x`, '..'])('%j is no keystore', (name) => {
    expect(places().named(name)).toBeUndefined();
  });
});

describe('R-PROVIDER-06 access data that come back', () => {
  const settings = fc.record({
    namespace: fc.constantFrom('', 'a', 'a/b'),
    isolation: fc.constantFrom('namespace', 'mount'),
    namePrefix: fc.constantFrom('openkcm-', 'x', 'k-0'),
  });
  const hash = fc.stringMatching(/^[0-9a-f]{32}$/);

  test('are recognised as what was given out, and after no change whatever', () => {
    const change = fc.tuple(
      fc.constantFrom('address', 'namespace', 'mountPath', 'authMountPath', 'roleName', 'stateMountPath'),
      fc.oneof(fc.constant(undefined), fc.stringMatching(/^[a-z0-9][a-z0-9./-]{0,30}$/)),
    );
    fc.assert(
      fc.property(
        settings,
        hash,
        fc.constantFrom('roles', 'keys', 'keys-', 'crypto-'),
        change,
        (one, digits, kind, [field, text]) => {
          const { namespace, ...provider } = one;
          const here = places({ namespace }, provider);
          const name = `${one.namePrefix}0123456789abcdef`;
          const place = here.named(name)!;
          const role = `${name}-${kind}${kind.endsWith('-') ? digits : ''}`;
          const given: CallAccess = here.accessData(place, role);
          expect(here.recognise(given, EVERY_KIND)).toEqual({ place, role });
          fc.pre(given[field as keyof CallAccess] !== text);
          expect(refusal(() => here.recognise({ ...given, [field]: text }, EVERY_KIND))).toMatchObject({
            class: 'invalid-access-data',
          });
        },
      ),
    );
  });

  test('may name any address of the cluster, since nothing is sent there because of it', () => {
    const here = places({}, { address: 'https://public.example' });
    const given = here.accessData(here.named(NAME)!, `${NAME}-roles`);
    for (const address of ['https://bao.example.com:8200', 'https://B.example.com:443', 'https://public.example/']) {
      expect(here.recognise({ ...given, address }, ['ROLES']).place.name).toBe(NAME);
    }
    for (const address of ['https://other.example', 'http://public.example', 'https://public.example:8200']) {
      expect(refusal(() => here.recognise({ ...given, address }, ['ROLES']))).toMatchObject({ fields: ['address'] });
    }
  });

  test('name what is missing', () => {
    expect(refusal(() => places().recognise({}, EVERY_KIND))).toEqual({
      class: 'invalid-access-data',
      accessDataReason: 'MISSING_FIELDS',
      fields: ['namespace', 'roleName'],
    });
    const here = places({}, { isolation: 'mount' });
    expect(refusal(() => here.recognise({ mountPath: NAME, roleName: `${NAME}-keys` }, EVERY_KIND))).toMatchObject({
      accessDataReason: 'MISSING_FIELDS',
      fields: ['address', 'authMountPath', 'stateMountPath'],
    });
  });

  test('are taken for the kinds of role that are asked for only', () => {
    const here = places();
    const given = here.accessData(here.named(NAME)!, `${NAME}-keys`);
    expect(refusal(() => here.recognise(given, ['ROLES', 'CRYPTO']))).toMatchObject({ fields: ['roleName'] });
  });
});
