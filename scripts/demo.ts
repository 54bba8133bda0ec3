// One real call, end to end: a real OpenBao, the built plugin, our host. Leaves nothing behind, also when interrupted.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProduct } from './build/product.ts';
import { createScreen } from './demo/screen.ts';
import { tellStory } from './demo/story.ts';
import { openbaoBinary } from './openbao/binary.ts';
import { endReport, report, reportFailure } from './report.ts';
import { openScratchFolder } from './scratch.ts';

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

const interruption = new AbortController();
for (const signal of Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]) {
  // Once: who insists ends this process at once, and the folder and the processes still go.
  process.once(signal, () => {
    process.exitCode = EXIT_CODES[signal];
    interruption.abort(new Error(`\nInterrupted (${signal}): everything is stopped and removed.`));
  });
}

try {
  await openbaoBinary(report);
  await buildProduct(report);
  interruption.signal.throwIfAborted();
  endReport();
  const screen = createScreen(process.stdout);
  screen.title('keystoreop-openbao', 'One real call, end to end: host, plugin and OpenBao are real and run here.');
  {
    await using scratch = await openScratchFolder(join(tmpdir(), 'openbao-demo-'));
    await tellStory(screen, scratch.path, interruption.signal);
  }
  screen.end('Done. OpenBao is stopped, nothing is left running, nothing is left on disk.');
} catch (error) {
  const { exitCode = 1 } = process;
  reportFailure(interruption.signal.aborted ? interruption.signal.reason : error);
  process.exitCode = exitCode;
}
