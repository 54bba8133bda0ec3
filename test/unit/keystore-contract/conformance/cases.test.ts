import type { CallStep, ConformanceCase, Step } from '../../../../keystore-contract/conformance/case.ts';
import { CONFORMANCE_CASES } from '../../../../keystore-contract/conformance/cases/index.ts';
import { METHODS } from '../../../../keystore-contract/conformance/methods.ts';
import { CRYPTO_REFUSALS } from '../../../../keystore-contract/conformance/pairs.ts';
import { capabilitiesOf } from '../../../../keystore-contract/conformance/stage.ts';
import { isReference, namesIn } from '../../../../keystore-contract/conformance/template.ts';
import { SERVICE_DEFINITIONS } from '../../../../keystore-contract/plugin-types.ts';
import { ERROR_TABLE } from '../../../../src/rpc/error-table.ts';
import { createMemoryStage } from '../../../support/memory-stage.ts';

const EMPTY = Buffer.alloc(0);
const callSteps = CONFORMANCE_CASES.flatMap(({ steps }) => steps.filter((step): step is CallStep => 'call' in step));

describe('conformance cases', () => {
  it('have an id of their own, and a title and a row that say something', () => {
    const ids = CONFORMANCE_CASES.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
    for (const { requirements, row, steps, title } of CONFORMANCE_CASES) {
      expect(title).toMatch(/^\S.{8,120}\S$/);
      expect(row).toMatch(/^(\d\.\d|[AB]\d|design)/);
      expect(requirements.length).toBeGreaterThan(0);
      expect(steps.some((step) => 'call' in step)).toBe(true);
    }
  });

  it('bear the profiles in their ids that they are about', () => {
    for (const { id, profiles } of CONFORMANCE_CASES) {
      const prefix = id.split('-')[0];
      if (prefix === 'BASE') expect(profiles).toEqual([]);
      else expect(profiles).toContain(prefix);
    }
  });

  it('call every method of both services', () => {
    const { cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;
    const served = [...Object.values(keyOperation), ...Object.values(cryptoOperation)].map(({ path }) => path);
    expect(Object.values(METHODS).map(({ path }) => path)).toEqual(expect.arrayContaining(served));
    expect(new Set(callSteps.map(({ call }) => call))).toEqual(new Set(Object.keys(METHODS)));
  });

  it('refer only to what a stage can have and to what an earlier step has given', async () => {
    const stages = [await createMemoryStage('usual'), await createMemoryStage('other')];
    const known = new Set(stages.flatMap(({ stage }) => [...capabilitiesOf(stage)]));
    for (const each of CONFORMANCE_CASES) expect([each.id, strayNames(each, known)]).toEqual([each.id, []]);
  });

  it('refer only to fields that the earlier answer has', () => {
    for (const each of CONFORMANCE_CASES) expect([each.id, strayFields(each)]).toEqual([each.id, []]);
  });

  it('expect of the crypto service what its error table says', () => {
    const rows = Object.values(ERROR_TABLE).map(({ crypto, reason }) => ({ ...crypto, reason }));
    for (const pair of Object.values(CRYPTO_REFUSALS)) expect(rows).toContainEqual(pair);
  });

  it('do not compile when they ask for what the contract does not have', () => {
    const wrong: readonly Step[] = [
      // @ts-expect-error -- no such method
      { call: 'GetKeys', answers: {} },
      // @ts-expect-error -- no such field of the request
      { call: 'GetKey', request: { keyId: '$key' }, answers: {} },
      // @ts-expect-error -- no such field of the response
      { call: 'GetKey', answers: { state: 'ENABLED' } },
      // @ts-expect-error -- another kind of value
      { call: 'GetKey', answers: { algorithm: 'AES256' } },
      // @ts-expect-error -- a list is no text
      { call: 'GetKeyVersions', answers: { versions: 'ENABLED' } },
      // @ts-expect-error -- no expectation
      { call: 'GetKey' },
      // @ts-expect-error -- an act on nothing
      { act: 'rotate' },
      // @ts-expect-error -- no such way to wrap wrongly
      { wrap: '$parameters', variant: 'backwards', as: 'wrapped' },
    ];
    expect(wrong).toHaveLength(8);
  });
});

function strayNames({ needs = [], steps, ...rest }: ConformanceCase, known: ReadonlySet<string>): string[] {
  const given = new Set<string>();
  const stray = needs.filter((need) => !known.has(need)) as string[];
  for (const step of [...steps, ...(rest.finally ?? [])]) {
    stray.push(...namesIn(step).filter((name) => !known.has(name) && !given.has(name)));
    if ('act' in step && !known.has(step.act)) stray.push(step.act);
    if ('as' in step) given.add(step.as);
  }
  return stray;
}

function strayFields({ steps }: ConformanceCase): string[] {
  const fields = new Map<string, readonly string[]>();
  const stray: string[] = [];
  for (const step of steps) {
    for (const [name = '', field] of referencesIn(step).map((reference) => reference.slice(1).split('.'))) {
      if (field !== undefined && fields.get(name)?.includes(field) === false) stray.push(`$${name}.${field}`);
    }
    if ('call' in step && step.as !== undefined) {
      fields.set(step.as, Object.keys(METHODS[step.call].responseDeserialize(EMPTY)));
    }
    if ('wrap' in step) fields.set(step.as, ['material', 'encryptedKeyMaterial']);
  }
  return stray;
}

function referencesIn(value: unknown): string[] {
  if (isReference(value)) return [value];
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return [];
  return Object.values(value).flatMap(referencesIn);
}
