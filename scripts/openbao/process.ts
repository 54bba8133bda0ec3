import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { ScratchFolder } from '../scratch.ts';

/** A process of `bao server`; whoever spawned it ends it. */
export interface OpenBaoProcess {
  readonly pid: number;
  /** Rejects when the process ends, with the end of its log; to be raced with while it starts. */
  readonly failed: Promise<never>;
  /** The newest part of its log, without its root token and unseal key. */
  readonly log: () => string;
  /** Resolves with the first group of `pattern` once it appears in the log; stays open when it never does. */
  logged(pattern: RegExp): Promise<string>;
  /** Freezes the process: connections open and are never answered. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL to a process that is still there after 10 s; resolves when it is gone. */
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 10_000;
const LOG_CHARACTERS = 256 * 1024;

/** Starts `bao server` in a folder, with nothing of our environment; it ends with us should nobody end it before. */
export function spawnOpenBao(
  binary: string,
  options: { folder: ScratchFolder; flags: readonly string[]; environment?: Readonly<Record<string, string>> },
): OpenBaoProcess {
  const { folder, flags, environment = {} } = options;
  // Its own process group: a Ctrl-C meant for us must not end it before we are done with it.
  const child = spawn(binary, ['server', ...flags], {
    cwd: folder.path,
    env: { HOME: folder.path, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  if (child.pid !== undefined) folder.endWithUs(child.pid);
  const log = collectLog(child);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(new Error(`OpenBao ended while starting (${signal ?? `code ${code}`}):\n${log.text()}`));
    });
  });
  failed.catch(() => undefined); // it ends one day; only while starting that is a failure

  return {
    pid: child.pid ?? 0,
    failed,
    log: log.text,
    logged: log.found,
    pause: () => {
      child.kill('SIGSTOP');
      // The signal reaches a thread when it next enters the kernel; a busy machine can be late with that.
      while (child.pid !== undefined && !isStopped(child.pid));
    },
    resume: () => void child.kill('SIGCONT'),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.kill('SIGCONT'); // a paused process takes no other signal
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(late);
    },
  };
}

/** Whether every thread stands still; true where the system does not tell. */
function isStopped(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
      return 'TtZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
    });
  } catch {
    return true;
  }
}

function collectLog(child: ChildProcess): { text: () => string; found: (pattern: RegExp) => Promise<string> } {
  let kept = '';
  const wanted = new Map<RegExp, (found: string) => void>();
  const look = (): void => {
    for (const [pattern, resolve] of wanted) {
      const found = pattern.exec(kept)?.[1];
      if (found !== undefined) resolve(found);
    }
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      kept = (kept + chunk).slice(-LOG_CHARACTERS);
      look();
    });
  }
  return {
    text: () => kept.replace(/^((?:Unseal Key|Root Token): )\S+/gm, '$1[redacted]'),
    found: (pattern) =>
      new Promise((resolve) => {
        wanted.set(pattern, (text) => {
          wanted.delete(pattern);
          resolve(text);
        });
        look();
      }),
  };
}
