import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';

/** A folder that goes away: when disposed of, or with this process, whatever ends that. */
export interface ScratchFolder extends AsyncDisposable {
  readonly path: string;
  /** Ends this process too, should ours be gone before the folder was disposed of. */
  endWithUs(pid: number): void;
}

// `read` ends when the other end of standard input is gone; no handler of ours would run on SIGKILL.
const WARDEN = `while read -r pid; do pids="$pids $pid"; done; [ -z "$pids" ] || kill -9 $pids; rm -rf -- "$1"`;

/** Makes a folder whose path is `prefix` and six random characters. */
export async function openScratchFolder(prefix: string): Promise<ScratchFolder> {
  const path = await mkdtemp(prefix);
  const warden = spawn('/bin/sh', ['-c', WARDEN, 'warden', path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    detached: true, // a Ctrl-C meant for us must not end it
  });
  warden.on('error', () => undefined); // without a shell there is the disposal only
  warden.unref();
  const orders = warden.stdin as typeof warden.stdin & { unref(): void };
  orders.on('error', () => undefined);
  orders.unref();
  return {
    path,
    endWithUs: (pid) => void orders.write(`${pid}\n`),
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
      warden.kill('SIGKILL');
    },
  };
}
