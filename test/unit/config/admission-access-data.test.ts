import fc from 'fast-check';

import {
  ADDRESS,
  admissionOf,
  APPROLE,
  CALL_CERTIFICATE,
  CONFIGURED,
  overTheWire,
  refusalOf,
  withProto,
} from './admission-fixture.ts';

const own = admissionOf(CALL_CERTIFICATE);
const approle = admissionOf(APPROLE);

const GOOD = {
  address: ADDRESS,
  namespace: 'team/a',
  mountPath: 'transit',
  authMountPath: 'auth.1/cert',
  roleName: 'cmk',
  region: 'eu-1',
};
const NAMES = Object.keys(GOOD);

const unusable = (...fields: string[]) => ({
  class: 'invalid-access-data',
  message: 'access data cannot be used',
  details: { fields, accessDataReason: 'CANNOT_PARSE_DATA' },
});
const missing = (...fields: string[]) => ({
  class: 'invalid-access-data',
  message: 'access data is missing',
  details: { fields, accessDataReason: 'MISSING_FIELDS' },
});
const notAllowed = (...fields: string[]) => ({ ...unusable(...fields), class: 'address-not-allowed' });

const check = (management: unknown, crypto: unknown = {}) => refusalOf(() => own.checkAccessData(management, crypto));
const checkRegion = (eu: unknown) => check(GOOD, { eu });

describe('access data that a tenant registers', () => {
  it.each<[string, unknown, unknown]>([
    ['every member', GOOD, { eu: GOOD, 'us-1': GOOD }],
    ['the least', { address: ADDRESS }, { eu: { address: ADDRESS } }],
    ['no region', { address: ADDRESS }, {}],
    ['no crypto Struct', { address: ADDRESS }, undefined],
    ['empty and null members', { address: ADDRESS, namespace: '', roleName: null }, { eu: { ...GOOD, mountPath: '' } }],
    ['an address of the configuration', { address: CONFIGURED }, { eu: { address: CONFIGURED } }],
    ['a change of one region', GOOD, { us: { address: ADDRESS } }],
    ['1000 regions', GOOD, Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`r${n}`, GOOD]))],
  ])('R-KEY-43 is valid with %s', (_name, management, crypto) => {
    expect(check(management, crypto)).toBeUndefined();
  });

  it.each([
    [{ certificateSubject: 'CN=kms-crypto_1', isEditable: true, versionIdentifier: '3' }],
    [{ certificateSubject: '', isEditable: 'no', versionIdentifier: 3 }],
    [{ certificateSubject: { deep: [1] }, isEditable: null, versionIdentifier: ['<b>'] }],
  ])('R-KEY-44 may hold in a region what CMK adds, whatever its type: %j', (added) => {
    expect(checkRegion({ ...GOOD, ...added })).toBeUndefined();
    expect(check(GOOD, overTheWire({ eu: { ...GOOD, ...added } }))).toBeUndefined();
  });

  it.each(['authType', 'clientCert', 'privateKey', 'stateMountPath', 'token', 'addres', 'Address', 'toString'])(
    'R-KEY-44 must not hold %s, whatever its value',
    (name) => {
      for (const value of ['x', '', null, 7, {}]) {
        expect(check({ ...GOOD, [name]: value })).toEqual(unusable(name));
        expect(checkRegion({ ...GOOD, [name]: value })).toEqual(unusable(`crypto.eu.${name}`));
      }
    },
  );

  it.each(['certificateSubject', 'isEditable', 'versionIdentifier'])(
    'R-KEY-44 must not hold %s as management data',
    (name) => {
      expect(check({ ...GOOD, [name]: 'x' })).toEqual(unusable(name));
    },
  );

  const USELESS = [7, true, ['x'], { x: 'x' }, 'x'.repeat(5000), 'a?b', '../<x>', '<b>', 'ä', 'a\nb'];

  it.each(NAMES.flatMap((name) => USELESS.map((value): [string, unknown] => [name, value])))(
    'R-KEY-44 cannot be used with %s = %j',
    (name, value) => {
      expect(check({ ...GOOD, [name]: value })).toEqual(unusable(name));
      expect(checkRegion({ ...GOOD, [name]: value })).toEqual(unusable(`crypto.eu.${name}`));
    },
  );

  it('R-KEY-44 is refused by all that is wrong at once, each field once', () => {
    const crypto = {
      eu: { ...GOOD, roleName: 'a/b', x: 1 },
      us: 'text',
      asia: { address: 'https://evil.example.com' },
    };
    expect(check({ address: ADDRESS, region: 7, token: 's' }, crypto)).toEqual(
      unusable('region', 'token', 'crypto.eu.roleName', 'crypto.eu.x', 'crypto.us', 'crypto.asia.address'),
    );
  });

  it.each<[string, unknown, unknown, string[]]>([
    ['no management data', undefined, {}, ['address']],
    ['empty management data', {}, {}, ['address']],
    ['management data without address', { region: 'eu' }, {}, ['address']],
    ['an empty address', { address: '' }, {}, ['address']],
    ['an empty region', GOOD, { eu: {} }, ['crypto.eu.address']],
    ['only what CMK adds in a region', GOOD, { eu: { certificateSubject: 'CN=x' } }, ['crypto.eu.address']],
    [
      'several',
      {},
      { eu: {}, us: GOOD, asia: { address: null } },
      ['address', 'crypto.eu.address', 'crypto.asia.address'],
    ],
  ])('R-KEY-45 lacks fields with %s', (_name, management, crypto, fields) => {
    expect(check(management, crypto)).toEqual(missing(...fields));
  });

  it('R-KEY-45 is refused for what cannot be used before what is missing', () => {
    expect(check({}, { eu: { addres: ADDRESS } })).toEqual(unusable('crypto.eu.addres'));
    expect(check({ address: 7 }, { eu: {} })).toEqual(unusable('address'));
  });

  it.each([
    'http://eu.bao.example.com:8200',
    'https://eu.bao.example.com',
    'https://a.eu.bao.example.com:8200',
    'https://bao.example.com:8200',
    'https://evil.example.com:8200',
    'https://127.0.0.1:8200',
    'https://10.1.2.4:8200',
    'https://localhost:8200',
    'https://[::1]:8200',
    'https://[::ffff:a01:203]:8200',
  ])('R-KEY-46 may not name the address %s', (address) => {
    expect(check({ address })).toEqual(notAllowed('address'));
    expect(checkRegion({ address })).toEqual(notAllowed('crypto.eu.address'));
  });

  it.each([ADDRESS, `${ADDRESS}/`, 'HTTPS://EU.bao.example.com:8200', 'https://10.1.2.3:8200', 'https://9.9.9.9:8200'])(
    'R-KEY-46 may name the address %s',
    (address) => {
      expect(check({ address }, { eu: { address } })).toBeUndefined();
    },
  );

  it.each([
    `${ADDRESS}/v1`,
    `${ADDRESS}?x`,
    'https://u:p@eu.bao.example.com:8200',
    'eu.bao.example.com',
    'https://0x7f.1',
  ])('R-KEY-46 names no address with %s', (address) => {
    expect(check({ address })).toEqual(unusable('address'));
    expect(checkRegion({ address })).toEqual(unusable('crypto.eu.address'));
  });

  it('R-KEY-46 with an address that is not allowed and another fault it is the other fault’s error, which names both', () => {
    expect(check({ address: 'https://evil.example.com', namespace: 7 })).toEqual(unusable('namespace', 'address'));
  });
});

describe('R-KEY-47 management data under a process identity', () => {
  const checkManagement = (management: unknown) => refusalOf(() => approle.checkAccessData(management, {}));

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['an empty Struct', {}],
    ['a region', { region: 'eu' }],
    [
      'what the configuration says',
      { address: CONFIGURED, namespace: 'home', mountPath: 'keys/transit', authMountPath: 'approle/eu' },
    ],
    ['another address of the cluster, spelt otherwise', { address: 'HTTPS://second.example.com:443/' }],
  ])('may say %s', (_name, management) => {
    expect(checkManagement(management)).toBeUndefined();
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    ['an address that only calls with a certificate may name', { address: ADDRESS }, ['address']],
    ['no address at all', { address: 'x' }, ['address']],
    ['another namespace', { namespace: 'home/below' }, ['namespace']],
    ['another mount', { mountPath: 'transit' }, ['mountPath']],
    ['another auth mount', { authMountPath: 'approle' }, ['authMountPath']],
    ['a role', { roleName: 'admin' }, ['roleName']],
    ['several', { roleName: 'admin', namespace: 'x', address: ADDRESS }, ['address', 'namespace', 'roleName']],
    ['a credential', { privateKey: 'x' }, ['privateKey']],
  ])('may not say %s', (_name, management, fields) => {
    expect(checkManagement(management)).toEqual(unusable(...fields));
  });

  it('leaves the regions their own access, at addresses that are known', () => {
    const eu = { address: ADDRESS, namespace: 'other', mountPath: 'm', authMountPath: 'cert', roleName: 'r' };
    const checkCrypto = (crypto: unknown) => refusalOf(() => approle.checkAccessData({}, crypto));
    expect(checkCrypto({ eu, us: { address: CONFIGURED } })).toBeUndefined();
    expect(checkCrypto({ eu: { address: 'https://evil.example.com' } })).toEqual(notAllowed('crypto.eu.address'));
    expect(checkCrypto({ eu: { roleName: 'r' } })).toEqual(missing('crypto.eu.address'));
  });
});

describe('what is no access data at all, and names of tenants', () => {
  it.each<[string, unknown, unknown, string[]]>([
    ['management data that are a list', [], {}, ['management']],
    ['a region that is a text', GOOD, { eu: 'x' }, ['crypto.eu']],
    ['a region that is null', GOOD, { eu: null }, ['crypto.eu']],
    ['a region that is a list', GOOD, { eu: [GOOD] }, ['crypto.eu']],
    ['crypto data that are a list', GOOD, [GOOD], ['crypto']],
    ['1001 regions', GOOD, Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [`r${n}`, GOOD])), ['crypto']],
  ])('R-KEY-44 %s cannot be used', (_name, management, crypto, fields) => {
    expect(check(management, crypto)).toEqual(unusable(...fields));
  });

  it.each(['', '<script>', 'a,b', 'ä', 'eu\n', '"', 'x'.repeat(51)])(
    'R-KEY-48 the region name %j cannot be used and is not repeated',
    (name) => {
      expect(check(GOOD, { [name]: GOOD, '<b>': GOOD })).toEqual(unusable('crypto'));
    },
  );

  it.each(['', 'a b', 'a,b', '<b>', 'ä', '1a', 'a\n', 'hvs.CAESIJ', 'x'.repeat(51)])(
    'R-KEY-48 the member name %j cannot be used and is not repeated',
    (name) => {
      expect(check({ ...GOOD, [name]: 'x' })).toEqual(unusable('management'));
      expect(checkRegion({ ...GOOD, [name]: 'x' })).toEqual(unusable('crypto.eu'));
    },
  );

  it.each<[string, unknown, unknown, string[]]>([
    ['as management data', withProto(GOOD), {}, ['management']],
    ['as null', withProto(null, GOOD), {}, ['management']],
    ['as a region', GOOD, withProto({ eu: GOOD }), ['crypto']],
    ['inside a region', GOOD, { eu: withProto(GOOD) }, ['crypto.eu']],
  ])('R-KEY-49 a member __proto__ supplies nothing: %s', (_name, management, crypto, fields) => {
    const sent = (value: unknown) => overTheWire(value as Record<string, unknown>);
    expect(check(sent(management), sent(crypto))).toEqual(unusable(...fields));
  });

  it('R-KEY-48 R-KEY-49 whatever is sent: valid, or an error of access data that repeats no value and no unsafe name', () => {
    const CANARY = 'canary-51bd';
    const name = fc.constantFrom(
      ...NAMES,
      '__proto__',
      'constructor',
      'isEditable',
      'clientCert',
      CANARY,
      `<${CANARY}>`,
    );
    const value = fc.oneof(
      fc.constantFrom<unknown>(ADDRESS, CANARY, '', null, true, 7, `../${CANARY}`),
      fc.dictionary(name, fc.constant(CANARY)),
      fc.array(fc.constant(CANARY)),
    );
    const place = fc.dictionary(name, value);
    const region = fc.constantFrom('eu', 'us 1', 'a/b:c', '__proto__', `<${CANARY}>`, '');
    const crypto = fc.dictionary(region, fc.oneof(place, value));
    fc.assert(
      fc.property(place, crypto, fc.constantFrom(own, approle), (management, regions, admission) => {
        const refusal = refusalOf(() => admission.checkAccessData(overTheWire(management), overTheWire(regions)));
        if (refusal === undefined) return;
        expect(['invalid-access-data', 'address-not-allowed']).toContain(refusal.class);
        expect(JSON.stringify(refusal)).not.toContain(CANARY);
        expect(refusal.details.fields).not.toHaveLength(0);
        for (const field of refusal.details.fields!) expect(field).toMatch(/^[A-Za-z0-9 _./:-]+$/);
      }),
      { numRuns: 1000 },
    );
  });
});
