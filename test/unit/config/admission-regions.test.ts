import fc from 'fast-check';

import type { DescribedRegions } from '../../../src/keystore/admission.ts';
import { ADDRESS, admissionOf, APPROLE, CALL_CERTIFICATE, CONFIGURED, refusalOf } from './admission-fixture.ts';

const own = admissionOf(CALL_CERTIFICATE);
const approle = admissionOf(APPROLE);

const describeText = (text: string | Buffer, admission = own): DescribedRegions =>
  admission.describeRegions('key-1', Buffer.from(text));
const describeValue = (value: unknown, admission = own): DescribedRegions =>
  describeText(JSON.stringify(value), admission);

const DEFAULTS = {
  region: 'eu',
  address: ADDRESS,
  namespace: 'home',
  mountPath: 'keys/transit',
  keyName: 'key-1',
  authMountPath: 'cert/tenants',
  roleName: '',
  keyVersionId: '',
};
const EMPTY: DescribedRegions = { usable: [], unusableCount: 0, unusableFields: [] };

describe('the access of each region', () => {
  it('R-KEY-52 is what its entry says', () => {
    const eu = { address: ADDRESS, namespace: 'n', mountPath: 'm', authMountPath: 'a', roleName: 'r', region: 'x' };
    expect(describeValue({ eu, us: { ...eu, address: CONFIGURED } })).toEqual({
      ...EMPTY,
      usable: [
        { ...DEFAULTS, namespace: 'n', mountPath: 'm', authMountPath: 'a', roleName: 'r' },
        {
          ...DEFAULTS,
          region: 'us',
          address: CONFIGURED,
          namespace: 'n',
          mountPath: 'm',
          authMountPath: 'a',
          roleName: 'r',
        },
      ],
    });
  });

  it('R-KEY-52 is for the rest what the configuration says for calls', () => {
    expect(describeValue({ eu: { address: ADDRESS } }).usable).toEqual([DEFAULTS]);
    expect(
      describeValue({ eu: { address: ADDRESS } }, admissionOf("openbao: { addresses: ['" + ADDRESS + "'] }")).usable,
    ).toEqual([{ ...DEFAULTS, namespace: '', mountPath: 'transit', authMountPath: 'cert' }]);
  });

  it('R-KEY-52 is a certificate’s, also where this process has an identity of its own', () => {
    expect(describeValue({ eu: { address: ADDRESS } }, approle).usable).toEqual([
      { ...DEFAULTS, authMountPath: 'cert' },
    ]);
  });

  it('R-KEY-52 has the address in its one spelling', () => {
    const addresses = ['HTTPS://EU.bao.example.com:8200/', ADDRESS];
    expect(addresses.flatMap((address) => describeValue({ eu: { address } }).usable)).toEqual([DEFAULTS, DEFAULTS]);
  });

  it.each(['null', '{}', ' {}\n'])('R-KEY-53 is empty for %j', (text) => {
    expect(describeText(text)).toEqual(EMPTY);
  });

  it.each<[string, string | Buffer, string]>([
    ['no text', '', 'access_data must be a JSON object'],
    ['no JSON', '{eu: {}}', 'access_data must be a JSON object'],
    ['two values', '{} {}', 'access_data must be a JSON object'],
    ['a list', '[{}]', 'access_data must be a JSON object'],
    ['a text', '"eu"', 'access_data must be a JSON object'],
    ['a number', '7', 'access_data must be a JSON object'],
    ['a byte order mark', '\ufeff{}', 'access_data must be a JSON object'],
    ['broken UTF-8', Buffer.from([...Buffer.from('{"eu":"'), 0xff, 0x22, 0x7d]), 'access_data must be a JSON object'],
    ['deep nesting', '['.repeat(500_000), 'access_data must be a JSON object'],
    ['more than a mebibyte', ' '.repeat(1024 * 1024 - 1) + '{}', 'access_data is too long'],
    [
      'more than 1000 regions',
      JSON.stringify(Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [`r${n}`, {}]))),
      'access_data names too many regions',
    ],
  ])('R-KEY-53 is refused for %s', (_name, text, message) => {
    expect(refusalOf(() => describeText(text))).toEqual({
      class: 'invalid-request',
      message,
      details: { fields: ['access_data'] },
    });
  });

  it('R-KEY-53 does not mind nesting in what is ignored', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(describeText(`{"eu":{"address":"${ADDRESS}","certificateSubject":${deep}}}`).usable).toEqual([DEFAULTS]);
  });

  it.each<[string, unknown, string[]]>([
    ['is no mapping', 'x', ['crypto.bad']],
    ['is null', null, ['crypto.bad']],
    ['is a list', [{ address: ADDRESS }], ['crypto.bad']],
    ['has no address', {}, ['crypto.bad.address']],
    ['has an address that is not allowed', { address: 'https://evil.example.com' }, ['crypto.bad.address']],
    ['has a private address', { address: 'https://10.1.2.4:8200' }, ['crypto.bad.address']],
    ['has no address but a text', { address: `${ADDRESS}/v1` }, ['crypto.bad.address']],
    ['has a wrong type', { address: ADDRESS, namespace: 7 }, ['crypto.bad.namespace']],
    ['has an unknown member', { address: ADDRESS, token: 'x' }, ['crypto.bad.token']],
    [
      'has a credential',
      { address: ADDRESS, privateKey: 'x', clientCert: 'x' },
      ['crypto.bad.privateKey', 'crypto.bad.clientCert'],
    ],
  ])('R-KEY-54 of one that %s is left out, and the others are not', (_name, bad, unusableFields) => {
    expect(describeValue({ bad, eu: { address: ADDRESS } })).toEqual({
      usable: [DEFAULTS],
      unusableCount: 1,
      unusableFields,
    });
  });

  it('R-KEY-54 of one whose name is no label is left out, and the name is not repeated', () => {
    const address = ADDRESS;
    expect(describeValue({ '<b>': { address }, 'a,b': { address }, eu: { address } })).toEqual({
      usable: [DEFAULTS],
      unusableCount: 2,
      unusableFields: ['crypto'],
    });
  });

  it('R-KEY-49 takes nothing from a member __proto__', () => {
    expect(describeText(`{"eu":{"__proto__":{"address":"${ADDRESS}"}}}`)).toEqual({
      usable: [],
      unusableCount: 1,
      unusableFields: ['crypto.eu'],
    });
    expect(({} as Record<string, unknown>).address).toBeUndefined();
  });

  it.each<[Record<string, unknown>, string]>([
    [{ versionIdentifier: '3' }, '3'],
    [{ versionIdentifier: '1234567890' }, '1234567890'],
    [{ versionIdentifier: '' }, ''],
    [{ versionIdentifier: '03' }, ''],
    [{ versionIdentifier: 3 }, ''],
    [{ versionIdentifier: null }, ''],
    [{ certificateSubject: 'CN=kms-crypto_1,OU=x', isEditable: true }, ''],
    [{ certificateSubject: 'eu', isEditable: 'yes', versionIdentifier: '7' }, '7'],
    [{ certificateSubject: '' }, ''],
  ])('R-KEY-55 tolerates what CMK adds: %j', (added, keyVersionId) => {
    expect(describeValue({ eu: { address: ADDRESS, ...added } })).toEqual({
      ...EMPTY,
      usable: [{ ...DEFAULTS, keyVersionId }],
    });
  });

  it('R-KEY-52 R-KEY-53 is equal for equal input, or the refusal is a KeystoreError that repeats nothing', () => {
    const CANARY = 'canary-51bd';
    const text = fc.oneof(
      fc.json(),
      fc.string().map((rest) => `${CANARY}${rest}`),
      fc
        .dictionary(
          fc.constantFrom('eu', 'us', `<${CANARY}>`, '__proto__'),
          fc.dictionary(
            fc.constantFrom('address', 'namespace', 'roleName', 'versionIdentifier', CANARY, '__proto__'),
            fc.constantFrom<unknown>(ADDRESS, 'a', `<${CANARY}>`, 7, null),
          ),
        )
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(text, fc.constantFrom(own, approle), (json, admission) => {
        let described: DescribedRegions | undefined;
        const refusal = refusalOf(() => (described = describeText(json, admission)));
        expect(JSON.stringify([refusal, described])).not.toContain(CANARY);
        if (described !== undefined)
          expect(JSON.stringify(describeText(json, admission))).toBe(JSON.stringify(described));
      }),
      { numRuns: 1000 },
    );
  });

  it('R-KEY-52 exists for exactly the regions that may be registered', () => {
    const value = fc.constantFrom<unknown>(ADDRESS, CONFIGURED, 'https://evil.example.com', 'a/b', '', '..', null, 7);
    const region = fc.dictionary(
      fc.constantFrom('address', 'namespace', 'mountPath', 'roleName', 'region', 'other'),
      value,
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.oneof(region, value), fc.constantFrom(own, approle), (eu, admission) => {
        const management = { address: CONFIGURED };
        const registered = refusalOf(() => admission.checkAccessData(management, { eu })) === undefined;
        expect(describeValue({ eu }, admission).usable).toHaveLength(registered ? 1 : 0);
      }),
      { numRuns: 1000 },
    );
  });
});
