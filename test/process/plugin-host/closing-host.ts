// A host process of its own that closes plugins in every state of being down. What is left behind keeps it from ending.
import { DOWN } from './down.ts';
import { load } from './host-fixture.ts';

for (const { fixture, options, reached } of Object.values(DOWN)) {
  await using stage = await load(fixture, options);
  // Nobody is left to wait for these.
  const waiting = [stage.plugin.ready(), stage.plugin.client.test.echo({})];
  void Promise.allSettled(waiting);
  await reached(stage);
  const replaced = stage.plugin.replace({}).catch(() => undefined);
  await stage.close();
  await replaced;
}
