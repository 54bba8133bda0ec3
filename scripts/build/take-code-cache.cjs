// Runs the bundle as launcher.cjs does and, told by SIGUSR2, writes the code that V8 has compiled so far.
//
//   node [FLAG…] take-code-cache.cjs BUNDLE CACHE
const { readFileSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const [bundle, cache] = process.argv.splice(2, 2);
const script = new Script(readFileSync(bundle, 'latin1'), { filename: 'keystoreop-openbao.cjs' });
process.on('SIGUSR2', () => {
  writeFileSync(cache, script.createCachedData());
  process.kill(process.pid, 'SIGTERM');
});
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_);
