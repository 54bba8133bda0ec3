// A host process for the tests that end it: doomed-host.ts FOLDER FIXTURE…
// Loads the fixtures from FOLDER/plugins with sockets in FOLDER/sockets, one host for each, says `starting`, then how it went,
// a line each. Told on stdin, it closes the host of a name, or all of them.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { startPluginHost } from '../../../plugin-host/index.ts';
import { installPlugin } from '../../fixtures/plugins/install-plugin.ts';
import { testContract } from '../../fixtures/plugins/test-contract.ts';
import { recordLog } from './host-fixture.ts';

const [folder = '', ...fixtures] = process.argv.slice(2);
const say = (text: string): void => void writeSync(1, `${text}\n`);
const directory = join(folder, 'plugins');

const marks = Object.keys(process.env).filter((name) => name.startsWith('MARK_'));
const installed = await Promise.all(fixtures.map((fixture) => installPlugin(directory, fixture)));
say('starting');
const hosts = await Promise.all(
  installed.map(async (file) => {
    const host = await startPluginHost({
      directory,
      socketDirectory: join(folder, 'sockets'),
      logger: recordLog([]),
      plugins: {
        [file.file]: { contract: testContract, ...file, restart: { maxRestarts: 0 }, environment: { pass: marks } },
      },
    });
    return { name: file.file, host };
  }),
);
for (const { name, host } of hosts) {
  void host
    .plugin(name)
    .ready()
    .then(
      ({ pid, orphanProtection }) => say(JSON.stringify({ name, pid, orphanProtection })),
      (error: unknown) => say(String(error)),
    );
}
for await (const line of createInterface({ input: process.stdin })) {
  const closing = hosts.filter(({ name }) => line === '' || line === name);
  await Promise.all(closing.map(({ host }) => host.close()));
  say(`closed ${line}`);
  if (line === '') break;
}
// Nothing of the library may keep this process.
process.stdin.destroy();
