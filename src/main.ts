// The only file that touches the process: environment, signals, exit. Everything else is loaded once it is defended.
import { writeSync } from 'node:fs';

import { defectFields } from './logging/defect-fields.ts';
import { defendProcess } from './self-defence.ts';

const STDOUT = 1;
const STDERR = 2;

const { variables, onConsole } = defendProcess(process, console);
main().catch(giveUp);

async function main(): Promise<void> {
  const { selectPluginType } = await import('./serve/select-plugin-type.ts');
  const { writeFully } = await import('./logging/descriptor.ts');
  const type = selectPluginType(variables);
  if (type === undefined) {
    for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, giveUp);
    const { startTool } = await import('./command/start-tool.ts');
    process.exit(await startTool({ process, variables }));
  }
  const { createLogger } = await import('./logging/logger.ts');
  const { createKeystoreServices } = await import('./rpc/services.ts');
  const { runPlugin } = await import('./run-plugin.ts');
  const log = createLogger();
  onConsole((text) => log.debug({ text }, 'a dependency wrote to the console'));
  await runPlugin({
    type,
    variables,
    log,
    effects: {
      parentId: () => process.ppid,
      on: (event, listener) => process.on(event, listener),
      writeStdout: (text) => writeFully(STDOUT, text),
      exit: (code) => process.exit(code),
    },
    createServices: createKeystoreServices,
  });
}

/** Nothing has been loaded that could log it. Node's own report would be plain text with all that an error carries. */
function giveUp(error: unknown): never {
  const entry = {
    '@level': 'error',
    '@message': 'failed',
    '@timestamp': new Date().toISOString().replace('Z', '000Z'),
    ...defectFields(error),
  };
  writeSync(STDERR, `${JSON.stringify(entry)}\n`);
  process.exit(1);
}
