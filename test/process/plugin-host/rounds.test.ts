import { getEventListeners } from 'node:events';

import { belongings, belongingsAsBefore } from '../../support/belongings.ts';
import { descendants } from '../../support/process-tree.ts';
import { rounds } from '../../support/scale.ts';
import { load, type Stage } from './host-fixture.ts';

const linux = process.platform === 'linux' ? test : test.skip;
const LONGEST_MS = 600_000;

/** The host, its plugin's processes and the socket directory are gone when this ends, or the stage fails. */
async function round(serve: (stage: Stage) => Promise<void>): Promise<void> {
  const { signal } = new AbortController();
  {
    await using stage = await load('good.ts', {}, signal);
    await serve(stage);
  }
  expect(getEventListeners(signal, 'abort')).toEqual([]);
}

async function call({ plugin }: Stage): Promise<void> {
  expect(await plugin.client.test.echo({ text: 'round' })).toEqual({ text: 'round' });
}

linux(
  'R-HOST-62 H37 rounds of load, call and close leave this process as it was',
  async () => {
    await round(call);
    const before = await belongings();
    for (let count = 0; count < rounds(100); count += 1) await round(call);
    await belongingsAsBefore(before);
  },
  LONGEST_MS,
);

linux(
  'R-HOST-62 H37 so do hosts side by side, which share one reaper',
  async () => {
    const HOSTS = 20;
    await round(call);
    const before = await belongings();
    for (let count = 0; count < rounds(10); count += 1) {
      const serving = Promise.withResolvers<undefined>();
      const counted = Promise.withResolvers<undefined>();
      let ready = 0;
      const all = Array.from({ length: HOSTS }, () =>
        round(async (stage) => {
          await call(stage);
          ready += 1;
          if (ready === HOSTS) serving.resolve(undefined);
          await counted.promise;
        }),
      );
      await Promise.race([serving.promise, Promise.all(all)]);
      expect(await descendants(process.pid)).toHaveLength((before.processes ?? 0) + HOSTS + 1);
      counted.resolve(undefined);
      await Promise.all(all);
    }
    await belongingsAsBefore(before);
  },
  LONGEST_MS,
);
