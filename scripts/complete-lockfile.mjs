// Run after `npm install` has changed package-lock.json. npm leaves a platform package that the registry does not
// serve out of the lock, and `npm ci` then refuses the whole lock ("Missing: … from lock file"). An entry that names
// version, os and cpu is enough: it is optional and never installed on another platform.
import { readFileSync, writeFileSync } from 'node:fs';

const OS = ['darwin', 'win32', 'windows', 'linux', 'android', 'freebsd', 'openharmony', 'wasm32', 'wasi'];
const CPU = ['arm64', 'aarch64', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'arm', 'wasm32'];
const NPM_NAME = { windows: 'win32', aarch64: 'arm64', wasi: 'wasm32' };
const npmName = (word) => (word === undefined ? undefined : (NPM_NAME[word] ?? word));

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
let added = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const version = /^\^?(\d+\.\d+\.\d+.*)$/.exec(range)?.[1];
    const key = `node_modules/${name}`;
    if (version === undefined || lock.packages[key] || lock.packages[`${path}/${key}`]) continue;
    const os = npmName(OS.find((word) => name.includes(word)));
    const cpu = npmName(CPU.find((word) => name.includes(word)));
    lock.packages[key] = {
      version,
      ...(cpu ? { cpu: [cpu] } : {}),
      dev: true,
      optional: true,
      ...(os ? { os: [os] } : {}),
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
console.log(`lock completed: ${added} optional platform packages added`);
