// Stands in for the first script of the executable, so it runs with the flags that are built into it.
const attempt = (action) => {
  try {
    action();
    return 'allowed';
  } catch (error) {
    return error.code;
  }
};
const answers = {
  spawn: attempt(() => require('node:child_process').spawnSync('/bin/true')),
  worker: attempt(() => new (require('node:worker_threads').Worker)('', { eval: true })),
  addon: attempt(() => process.dlopen({ exports: {} }, '/missing.node')),
  inspector: attempt(() => require('node:inspector').open(0)),
  proto: '__proto__' in {},
};
require('node:fs').writeSync(1, JSON.stringify(answers));
process.exit(0);
