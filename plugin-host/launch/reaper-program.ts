// What the reaper runs, as text: it has to arrive whole however the host library is bundled.

/**
 * Waits as a shell, which takes a fiftieth of the memory and a tenth of the time that Node takes: keeps the last whole line
 * of descriptor 3 until its end, and becomes the program of its arguments, with that line on descriptor 3, unless it is
 * empty. Needs nothing but what every POSIX shell has built in.
 *
 * Descriptor 3 and not 0: a bash whose standard input is a socket takes itself for a remote shell and runs .bashrc.
 */
export const WAIT_IN_SHELL = `trap '' HUP INT TERM
while IFS= read -r line <&3; do last=$line; done
[ -z "$last" ] || printf '%s\\n' "$last" | exec "$0" "$@" 3<&0`;

/**
 * Reads the state of the host to its end and does away with what the last whole line of it names:
 *
 * - process groups, by the number of their leader, unless that number is by now another process's (its start time tells);
 * - processes that were started with one of the socket directories in their environment: those whose number the host had
 *   no time to tell, and those that left their group;
 * - the socket directories.
 *
 * Until nothing is left, for 2 s at most.
 */
export const REAP = `'use strict';
const { existsSync, readFileSync, readSync, readdirSync, rmSync } = process.getBuiltinModule('node:fs');
const LIMIT_MS = 2000;
const LATE_MS = 500;
const ROUND_MS = 20;

for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => undefined);

function readLastLine() {
  const chunk = Buffer.alloc(64 * 1024);
  let last = '';
  let rest = '';
  for (;;) {
    const bytes = readSync(3, chunk);
    if (bytes === 0) return last;
    const lines = (rest + chunk.latin1Slice(0, bytes)).split('\\n');
    rest = lines.pop();
    last = lines.pop() ?? last;
  }
}

function read(path) {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

function lookAt(pid) {
  const stat = read('/proc/' + pid + '/stat');
  // The name of the program, in brackets, can hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, state: fields[0], group: Number(fields[2]), startTime: fields[19] };
}

function endAll({ groups, directories }) {
  const marks = directories.map((path) => Buffer.from('PLUGIN_UNIX_SOCKET_DIR=' + path).latin1Slice());
  const isMarked = ({ pid }) => read('/proc/' + pid + '/environ').split('\\0').some((entry) => marks.includes(entry));
  const living = readdirSync('/proc')
    .filter((name) => /^[1-9][0-9]*$/.test(name))
    .map((name) => lookAt(Number(name)))
    .filter(({ state }) => state !== '' && state !== 'Z' && state !== 'X');
  // The number of a group whose leader is gone is not given away while the group has members.
  const ours = groups.filter(({ pid, startTime }) => {
    const leader = lookAt(pid);
    return pid > 1 && (leader.state === '' || leader.startTime === startTime);
  });
  const left = living.filter((one) => ours.some(({ pid }) => pid === one.group) || isMarked(one));
  for (const { pid } of ours) kill(-pid);
  for (const { pid } of left) kill(pid);
  for (const path of directories) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // Somebody who still lives writes to it.
    }
  }
  return left.length === 0 && !directories.some((path) => existsSync(path));
}

const line = readLastLine();
if (line !== '') {
  const state = JSON.parse(line);
  const begin = Date.now();
  // A process of which only the directory was told shows its environment a little after it has begun to run.
  const leastMs = state.groups.length < state.directories.length ? LATE_MS : 0;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const done = endAll(state);
    const passed = Date.now() - begin;
    if (passed >= LIMIT_MS || (done && passed >= leastMs)) break;
    Atomics.wait(pause, 0, 0, ROUND_MS);
  }
}`;
