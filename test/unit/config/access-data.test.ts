import { inspect } from 'node:util';

import fc from 'fast-check';

import { AccessDataError, readCallConfig } from '../../../src/config/access-data.ts';
import { Struct } from '../../../proto/gen/google/protobuf/struct.ts';

const CANARY = 'canary-51bd';
const PEM = { clientCert: '-----BEGIN CERTIFICATE-----\n', privateKey: '-----BEGIN RSA PRIVATE KEY-----\n' };

function failure(values: unknown): AccessDataError {
  try {
    readCallConfig(values);
  } catch (error) {
    if (error instanceof AccessDataError) return error;
    throw error;
  }
  throw new Error('expected an AccessDataError');
}

/** As the values arrive: encoded and decoded by the generated code. */
function overTheWire(fields: Map<string, unknown>): unknown {
  return Struct.unwrap(Struct.decode(Struct.encode({ fields }).finish()));
}

describe('readCallConfig', () => {
  test('R-CONF-14 reads the allow-list and ignores everything else', () => {
    const values = {
      address: 'https://bao.example.com:8200',
      namespace: 'team/a',
      mountPath: 'transit',
      authMountPath: 'auth.1/cert',
      roleName: 'cmk',
      region: 'eu-1',
      authType: 'AUTH_TYPE_CERTIFICATE',
      ...PEM,
      certificateSubject: 'CN=x',
      isEditable: true,
      versionIdentifier: 7,
      other: { deep: [1, null] },
    };
    const { certificate, ...place } = readCallConfig(values);
    expect(place).toEqual({
      address: values.address,
      namespace: 'team/a',
      mountPath: 'transit',
      authMountPath: 'auth.1/cert',
      roleName: 'cmk',
      region: 'eu-1',
    });
    expect(certificate?.certificateChainPem).toBe(PEM.clientCert);
    expect(certificate?.privateKeyPem.reveal()).toBe(PEM.privateKey);
  });

  test.each([[undefined], [null], [{}], [{ address: '', region: null, clientCert: '', authType: '' }]])(
    'R-CONF-14 %j names nothing',
    (values) => {
      expect(readCallConfig(values)).toEqual({});
    },
  );

  test.each([
    ['address', 7],
    ['address', 'x'.repeat(2049)],
    ['namespace', true],
    ['namespace', 'a//b'],
    ['namespace', '/a'],
    ['namespace', 'a/'],
    ['namespace', '../a'],
    ['mountPath', ['transit']],
    ['mountPath', 'a/./b'],
    ['mountPath', 'a/../b'],
    ['mountPath', 'a%2fb'],
    ['mountPath', 'a b'],
    ['mountPath', 'a\nb'],
    ['mountPath', 'é'],
    ['mountPath', `${'a/'.repeat(200)}a`],
    ['authMountPath', 'cert?x'],
    ['roleName', 'a/b'],
    ['roleName', '..'],
    ['roleName', 'x'.repeat(256)],
    ['region', '<b>'],
    ['region', 'x'.repeat(51)],
    ['authType', 'AUTH_TYPE_SECRET'],
    ['clientCert', {}],
    ['privateKey', 'x'.repeat(65_537)],
  ])('R-CONF-15 %s = %j cannot be used, and the error names the field only', (field, value) => {
    const error = failure({ ...PEM, [field]: value });
    expect(error).toMatchObject({ reason: 'CANNOT_PARSE_DATA', fields: [field] });
    expect(error.message).toBe(`access data: unusable ${field}`);
  });

  test('R-CONF-15 all unusable fields are named together', () => {
    expect(failure({ address: 1, mountPath: '..', roleName: 'fine' }).fields).toEqual(['address', 'mountPath']);
  });

  test.each([
    [{ clientCert: PEM.clientCert }, ['privateKey']],
    [{ privateKey: PEM.privateKey }, ['clientCert']],
    [{ authType: 'AUTH_TYPE_CERTIFICATE' }, ['clientCert', 'privateKey']],
  ])('R-CONF-17 %j is half a certificate', (values, fields) => {
    expect(failure(values)).toMatchObject({ reason: 'MISSING_FIELDS', fields });
  });

  test.each([['text'], [7], [true], [[]], [[{ address: 'https://x' }]], [new Map()], [Object.create(null)]])(
    'R-CONF-15 %p is no access data',
    (values) => {
      expect(failure(values)).toMatchObject({ reason: 'CANNOT_PARSE_DATA', fields: ['values'] });
    },
  );

  const stolen = new Map<string, unknown>([['__proto__', { address: 'https://evil.example', mountPath: 'x' }]]);

  test.each([
    ['at the top', stolen],
    ['as null', new Map<string, unknown>([['__proto__', null]])],
    ['inside a member', new Map([['other', overTheWire(stolen)]])],
    ['inside a list', new Map([['other', [1, overTheWire(stolen)]]])],
  ])('R-CONF-16 a __proto__ key in a Struct is refused (%s)', (_where, fields) => {
    const values = Object.fromEntries(fields.entries());
    expect(failure(fields.has('__proto__') ? overTheWire(fields) : values).fields).toEqual(['values']);
  });

  test('R-CONF-16 whatever the keys and values are: only own members, no change to Object.prototype, no echo', () => {
    const names = [
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'address',
      'mountPath',
      'clientCert',
      'authType',
    ];
    const value = fc.oneof(
      fc.constantFrom<unknown>(CANARY, '', null, true, 7, `../${CANARY}`, 'x'.repeat(70_000)),
      fc.dictionary(fc.constantFrom(...names), fc.constant(CANARY)),
      fc.array(fc.constant(CANARY)),
    );
    const before = Object.getOwnPropertyNames(Object.prototype);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...names), value)), (entries) => {
        const fields = new Map<string, unknown>(entries);
        try {
          const config = readCallConfig(overTheWire(fields));
          for (const name of ['address', 'mountPath'] as const) {
            const sent = fields.get(name);
            expect(config[name]).toBe(typeof sent === 'string' && sent !== '' ? sent : undefined);
          }
        } catch (error) {
          if (!(error instanceof AccessDataError)) throw error;
          expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(CANARY);
        }
        expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
      }),
      { numRuns: 1000 },
    );
  });
});
