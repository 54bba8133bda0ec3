// A host that has itself killed, without asking the kernel to take its plugin along:
//   doomed-host.ts FOLDER FILE [ARGUMENT…]
// Prints the plugin's pid as soon as there is one, then the handshake line. Told `now` it does not wait for that line.
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';

import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { pluginVariables } from '../../support/plugin-process.ts';

const [when, folder = '', file = '', ...args] = process.argv.slice(2);
const env = pluginVariables(createOneTimeCertificate(), { TMPDIR: folder });
const plugin = spawn(file, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
plugin.stderr.resume();
writeSync(1, `${plugin.pid}\n`);
if (when === 'now') process.kill(process.pid, 'SIGKILL');
plugin.stdout.once('data', (line: Buffer) => {
  writeSync(1, line);
  process.kill(process.pid, 'SIGKILL');
});
