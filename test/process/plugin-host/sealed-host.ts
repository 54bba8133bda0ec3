// A host that is one executable with Node inside: sealed-host PARENT. Makes a socket directory, starts a process beside it,
// says whether they are protected, and stays.
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';

import { guardGroup, hasOrphanProtection, runAsReaper } from '../../../plugin-host/launch/reaper.ts';
import { makeSocketDirectory } from '../../../plugin-host/launch/socket-directory.ts';

async function main(parent: string): Promise<void> {
  await makeSocketDirectory(parent);
  const { pid = 0 } = spawn('/bin/sleep', ['600'], { detached: true, stdio: 'ignore' });
  guardGroup(pid);
  writeSync(1, `${JSON.stringify({ pid, isProtected: hasOrphanProtection() })}\n`);
}

if (process.env.WITHOUT === '1' || !runAsReaper()) void main(process.argv[2] ?? '');
