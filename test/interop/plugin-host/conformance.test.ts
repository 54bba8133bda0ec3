import { hostSubject } from '../../../plugin-host/command/conformance-subject.ts';
import { conformanceSuite } from '../../support/conformance-suite.ts';
import { createGoMemoryStage, MEMORY_LACKS } from '../../support/go-memory.ts';
import { buildGoPrograms, describeWithGo, type GoPrograms } from '../../support/go.ts';
import { startMemoryHost } from './memory-host.ts';

const BUILD_MS = 600_000;

describeWithGo('a plugin in Go under the host library', () => {
  let programs: GoPrograms;
  beforeAll(() => {
    programs = buildGoPrograms();
  }, BUILD_MS);

  conformanceSuite(
    async () => {
      const { stage, yaml } = createGoMemoryStage((act) => host.act(act));
      await using resources = new AsyncDisposableStack();
      const host = resources.use(await startMemoryHost(programs, { configuration: yaml, callTimeoutMs: 20_000 }));
      await host.plugin.ready();
      const held = resources.move();
      return { stage, subject: hostSubject(host.plugin.client), [Symbol.asyncDispose]: () => held.disposeAsync() };
    },
    MEMORY_LACKS,
    { isProduct: false },
  );
});
