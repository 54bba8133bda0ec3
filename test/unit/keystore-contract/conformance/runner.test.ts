import { status } from '@grpc/grpc-js';

import type { CallStep, ConformanceCase, Step } from '../../../../keystore-contract/conformance/case.ts';
import { PROFILES } from '../../../../keystore-contract/conformance/case.ts';
import { CONFORMANCE_CASES } from '../../../../keystore-contract/conformance/cases/index.ts';
import { type CaseResult, runCase, runConformance } from '../../../../keystore-contract/conformance/runner.ts';
import type { Stage } from '../../../../keystore-contract/conformance/stage.ts';
import type { Outcome, Refusal, Subject } from '../../../../keystore-contract/conformance/subject.ts';
import { EXACT_STATUSES } from '../../../../keystore-contract/statuses.ts';
import type { GetKeyResponse } from '../../../../proto/gen/plugin/keystore/operations/v1/operations.ts';

const SECRET = 'https://keystore.customer.example';
const KEY: GetKeyResponse = {
  keyId: 'usable',
  algorithm: 1,
  status: 'ENABLED',
  usage: 'ENCRYPT_DECRYPT',
  latestKeyVersionId: '1',
  latestRotationTime: { seconds: 1_800_000_000n, nanos: 1000 },
};
const STAGE: Stage = { facts: { key: 'usable', values: { address: SECRET } }, acts: {}, traits: [] };

const aCase = (...steps: Step[]): ConformanceCase => ({
  id: 'HYOK-TEST-01',
  title: 'a case of this test',
  profiles: ['HYOK'],
  requirements: ['R-KEY-02'],
  row: '7.3',
  steps,
});
const GET_KEY = { call: 'GetKey', request: { parameters: { keyId: '$key', config: { values: '$values' } } } };
const getKey = (rest: object): CallStep => ({ ...GET_KEY, ...rest }) as unknown as CallStep;

/** A plugin that answers every call alike, or each as the list says. */
function answering(...outcomes: (Outcome<object> | Error)[]): Subject & { readonly requests: unknown[] } {
  const requests: unknown[] = [];
  return {
    requests,
    call(_method, request) {
      requests.push(request);
      const outcome = outcomes[Math.min(requests.length, outcomes.length) - 1]!;
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome as never);
    },
  };
}

const run = (subject: Subject, conformanceCase: ConformanceCase, stage = STAGE): Promise<CaseResult> =>
  runCase(conformanceCase, { subject, stage, profiles: PROFILES });
const why = async (subject: Subject, ...steps: Step[]) => (await run(subject, aCase(...steps))).why;
const refused = (refusal: Partial<Refusal>): Outcome<object> => ({
  ...EXACT_STATUSES.invalidAccessData,
  errorInfo: { reason: 'MISSING_FIELDS', domain: '', metadata: { missingFields: 'address' } },
  ...refusal,
});
const NO_CODE = JSON.parse('77') as status;
const REFUSED = {
  refused: { ...EXACT_STATUSES.invalidAccessData, reason: 'MISSING_FIELDS', metadata: { missingFields: 'address' } },
};

describe('the conformance runner', () => {
  it('sends what the case says, with defaults for the rest, and passes what is as expected', async () => {
    const subject = answering({ response: KEY });
    expect(await run(subject, aCase(getKey({ answers: { keyId: '$key', algorithm: 1 } })))).toEqual({
      id: 'HYOK-TEST-01',
      title: 'a case of this test',
      outcome: 'passed',
    });
    await run(subject, aCase({ call: 'CreateKey', request: { id: '$key' }, answers: {} }));
    expect(subject.requests).toEqual([
      { parameters: { keyId: 'usable', config: { values: { address: SECRET } } } },
      { config: undefined, algorithm: 0, id: 'usable', region: '', keyType: 0 },
    ]);
  });

  it.each<[string, object, string]>([
    ['another text', { status: 'DISABLED' }, 'step 1, GetKey: status is "DISABLED", expected is "ENABLED".'],
    ['another number', { algorithm: 3 }, 'step 1, GetKey: algorithm is 3, expected is 1.'],
    ['no text', { latestKeyVersionId: '' }, 'step 1, GetKey: latestKeyVersionId is missing.'],
    ['no time', { latestRotationTime: undefined }, 'step 1, GetKey: latestRotationTime is missing.'],
    [
      'the beginning of 1970',
      { latestRotationTime: { seconds: 0n, nanos: 0 } },
      'step 1, GetKey: latestRotationTime is missing.',
    ],
  ])('fails an answer with %s', async (_name, changes, sentence) => {
    const answers = {
      status: 'ENABLED',
      algorithm: 1,
      latestKeyVersionId: { is: 'present' },
      latestRotationTime: { is: 'present' },
    };
    expect(await why(answering({ response: { ...KEY, ...changes } }), getKey({ answers }))).toBe(sentence);
  });

  it.each<[string, Outcome<object>, string]>([
    ['success', { response: KEY }, 'the call succeeded, and must be refused'],
    ['another code', refused({ code: status.INTERNAL }), 'the status is INTERNAL, expected is INVALID_ARGUMENT'],
    [
      'a code that is none',
      refused({ code: NO_CODE }),
      'the status is 77, which gRPC does not know, expected is INVALID_ARGUMENT',
    ],
    ['UNIMPLEMENTED', refused({ code: status.UNIMPLEMENTED }), 'the method is not served (UNIMPLEMENTED)'],
    [
      'a crash',
      refused({ code: status.UNKNOWN, message: 'TypeError: x is not a function' }),
      'the status is UNKNOWN, with the text of a crash, expected is INVALID_ARGUMENT',
    ],
    [
      'one letter of the text',
      refused({ message: 'Invalid key access data' }),
      'the text of the status is "Invalid key access data", expected is "invalid key access data"',
    ],
    ['no ErrorInfo', EXACT_STATUSES.invalidAccessData, 'the status has no ErrorInfo'],
    [
      'another reason',
      refused({ errorInfo: { reason: 'X', domain: '', metadata: {} } }),
      'the reason is "X", expected is MISSING_FIELDS',
    ],
    [
      'a domain',
      refused({ errorInfo: { reason: 'MISSING_FIELDS', domain: 'x', metadata: { missingFields: 'address' } } }),
      'the domain of the ErrorInfo is not empty',
    ],
    [
      'other metadata',
      refused({ errorInfo: { reason: 'MISSING_FIELDS', domain: '', metadata: { fields: 'address' } } }),
      'the metadata entry missingFields is absent, expected is "address"',
    ],
  ])('fails a refusal with %s', async (_name, outcome, sentence) => {
    expect(await why(answering(outcome), getKey(REFUSED))).toBe(`step 1, GetKey: ${sentence}.`);
  });

  it('fails a refusal that repeats what was sent, and does not repeat it itself', async () => {
    const free = getKey({ refused: { code: status.INVALID_ARGUMENT } });
    const leak = refused({ message: `no route to ${SECRET}` });
    expect(await why(answering(leak), free)).toBe(
      'step 1, GetKey: the status repeats a value of the request or of the access data.',
    );
    const inMetadata = refused({ errorInfo: { reason: 'X', domain: '', metadata: { detail: SECRET } } });
    expect(await why(answering(inMetadata), free)).toMatch(/repeats a value/);
    expect(await why(answering(leak), getKey(REFUSED))).toContain('"no route to [redacted]"');
    expect(await why(answering({ response: { ...KEY, status: SECRET } }), getKey({ answers: { status: 'x' } }))).toBe(
      'step 1, GetKey: status is "[redacted]", expected is "x".',
    );
    expect(await why(answering(leak), getKey({ answers: {} }))).toContain('"no route to [redacted]"');
    expect(await why(answering(new Error(`cannot reach ${SECRET}`)), free)).toContain('cannot reach [redacted]');
  });

  it('fails a refusal that says nothing, or what only a programmer reads', async () => {
    const free = getKey({ refused: { code: status.INVALID_ARGUMENT } });
    expect(await why(answering(refused({ message: '' })), free)).toMatch(/no text/);
    expect(await why(answering(refused({ message: 'x\n    at f (a.js:1:2)' })), free)).toMatch(/crash/);
    const ends = getKey({ ends: [status.OK, status.INVALID_ARGUMENT] });
    expect(await why(answering(refused({ message: 'panic: runtime error' })), ends)).toMatch(/crash/);
    expect(await why(answering(refused({ code: status.UNKNOWN })), ends)).toBe(
      'step 1, GetKey: the status is UNKNOWN, expected is OK or INVALID_ARGUMENT.',
    );
    expect(await why(answering({ response: KEY }), getKey({ ends: [status.NOT_FOUND] }))).toMatch(/succeeded/);
  });

  it('fails versions whose times do not grow', async () => {
    const at = (seconds: bigint) => ({ versionId: '1', creationTime: { seconds, nanos: 0 }, status: 'ENABLED' });
    const versions = (...times: bigint[]) => answering({ response: { versions: times.map(at) } });
    const step: Step = {
      call: 'GetKeyVersions',
      answers: { versions: { is: 'list', increasing: ['creationTime'], last: { status: 'ENABLED' } } },
    };
    expect(await why(versions(1n, 2n, 3n), step)).toBeUndefined();
    for (const times of [
      [2n, 1n],
      [1n, 1n],
      [1n, 3n, 2n],
    ]) {
      expect(await why(versions(...times), step)).toMatch(/creationTime of versions does not grow strictly/);
    }
    expect(await why(versions(), step)).toMatch(/^step 1, GetKeyVersions: the last of versions is absent/);
  });

  it('compares with what earlier steps have given', async () => {
    const rotated = { ...KEY, latestKeyVersionId: '2', latestRotationTime: { seconds: 1_800_000_000n, nanos: 2000 } };
    const steps = [
      getKey({ answers: {}, as: 'before' }),
      getKey({
        answers: {
          latestKeyVersionId: { is: 'differentFrom', other: '$before.latestKeyVersionId' },
          latestRotationTime: { is: 'laterThan', other: '$before.latestRotationTime' },
        },
      }),
    ];
    expect(await why(answering({ response: KEY }, { response: rotated }), ...steps)).toBeUndefined();
    expect(await why(answering({ response: KEY }), ...steps)).toBe(
      'step 2, GetKey: latestKeyVersionId is the same as before.',
    );
    expect(await why(answering({ response: KEY }, { response: { ...KEY, latestKeyVersionId: '2' } }), ...steps)).toBe(
      'step 2, GetKey: latestRotationTime is not later than $before.latestRotationTime.',
    );
  });

  it('judges each of the calls that are sent at once', async () => {
    const subject = answering({ response: KEY }, { response: KEY }, { response: { ...KEY, status: 'DISABLED' } });
    expect(await why(subject, getKey({ times: 3, answers: { status: 'ENABLED' } }))).toMatch(/status is "DISABLED"/);
    expect(subject.requests).toHaveLength(3);
  });

  it('skips what is not claimed or not to be had, and says which', async () => {
    const subject = answering({ response: KEY });
    const conformanceCase = aCase(getKey({ answers: {} }));
    const setting = { subject, stage: STAGE, profiles: ['BYOK', 'DATA'] as const };
    expect(await runCase({ ...conformanceCase, profiles: ['HYOK', 'DATA'] }, setting)).toMatchObject({
      outcome: 'skipped',
      why: 'The plugin does not claim HYOK.',
    });
    const demanding = aCase(
      { act: 'newKey', as: 'own' },
      { act: 'rotate', on: '$own' },
      { call: 'GetKey', request: { parameters: { keyId: '$deniedKey', config: undefined } }, answers: {} },
    );
    expect(await run(subject, { ...demanding, needs: ['callCertificate'] })).toMatchObject({
      outcome: 'skipped',
      why: 'The stage does not offer callCertificate, newKey, rotate, deniedKey.',
    });
    expect(subject.requests).toEqual([]);
  });

  it('never rejects, and does what a case has to leave behind', async () => {
    const acted: string[] = [];
    const stage: Stage = {
      ...STAGE,
      acts: {
        seal: () => Promise.reject(new Error('the server is gone')),
        unseal: () => {
          acted.push('unseal');
          return Promise.resolve();
        },
      },
    };
    const sealing = { ...aCase({ act: 'seal' }, getKey({ answers: {} })), finally: [{ act: 'unseal' }] as const };
    expect(await run(answering({ response: KEY }), sealing, stage)).toMatchObject({
      outcome: 'failed',
      why: 'step 1, seal: it could not be carried out: the server is gone.',
    });
    expect(acted).toEqual(['unseal']);
    const lost = getKey({ answers: { keyId: '$key.part' } });
    expect(await why(answering({ response: KEY }), lost)).toMatch(/could not be carried out: \$key.part is a part of/);
    expect(await why(answering(new Error('broken')), getKey({ answers: {} }))).toMatch(
      /could not be carried out: broken/,
    );
  });

  it('runs every case in order and tells each as it ends', async () => {
    const told: CaseResult[] = [];
    const subject = answering({ code: status.UNAVAILABLE, message: 'gone' });
    const results = await runConformance({
      subject,
      stage: STAGE,
      profiles: ['HYOK'],
      onResult: (each) => told.push(each),
    });
    expect(results).toEqual(told);
    expect(results.map(({ id }) => id)).toEqual(CONFORMANCE_CASES.map(({ id }) => id));
    expect(results.filter(({ outcome }) => outcome === 'passed')).toEqual([]);
    expect(results.every(({ why: reason }) => /^.+\.$/.test(reason ?? ''))).toBe(true);
  });
});
