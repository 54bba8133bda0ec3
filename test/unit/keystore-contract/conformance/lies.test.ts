import { PROFILES } from '../../../../keystore-contract/conformance/case.ts';
import { CONFORMANCE_CASES } from '../../../../keystore-contract/conformance/cases/index.ts';
import { skipReason } from '../../../../keystore-contract/conformance/runner.ts';
import { capabilitiesOf } from '../../../../keystore-contract/conformance/stage.ts';
import { type MemoryPlugin, startMemoryPlugin } from '../../../support/memory-plugin.ts';
import { liesAbout } from './lies.ts';
import { callsOf, record, replay } from './replay.ts';

// Where the steps of a case come from a list of hostile values, the first and the last stand for all of them.
const SAMPLES = 6;

describe('a plugin that answers one thing wrongly, in any respect that a case looks at', () => {
  let plugins: readonly MemoryPlugin[];
  beforeAll(async () => {
    plugins = [await startMemoryPlugin('usual'), await startMemoryPlugin('other')];
  });
  afterAll(() => Promise.all(plugins.map((plugin) => plugin[Symbol.asyncDispose]())));

  // Material is new in each run, so what the plugin made with it cannot be replayed.
  const repeatable = CONFORMANCE_CASES.filter(({ steps }) => !steps.some((step) => 'decryptWith' in step));

  it.each(repeatable.map((each) => [each.id, each] as const))('fails %s', async (_id, each) => {
    const able = plugins.find(({ stage }) => skipReason(each, PROFILES, capabilitiesOf(stage)) === undefined)!;
    const recording = await record(each, able.subject, able.stage);
    expect(recording.result).toEqual({ id: each.id, title: each.title, outcome: 'passed' });
    expect(await replay(each, recording)).toEqual(recording.result);

    const calls = callsOf(each);
    const believed: string[] = [];
    for (const { last, step } of [...calls.slice(0, SAMPLES), ...calls.slice(SAMPLES).slice(-SAMPLES)]) {
      const lies = liesAbout(step, recording.outcomes[last]!);
      expect(lies.length).toBeGreaterThan(0);
      for (const [what, outcome] of lies) {
        const { outcome: verdict } = await replay(each, recording, { at: last, outcome });
        if (verdict !== 'failed') believed.push(`${step.call}: ${what}`);
      }
    }
    expect(believed).toEqual([]);
  });
});
