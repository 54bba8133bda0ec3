// Reads a code cache and writes it again. V8 numbers functions in the order in which they were compiled, which differs
// from run to run; here they are numbered in the order in which they are read.
//
//   node [FLAG…] normalise-code-cache.cjs BUNDLE CACHE
const { readFileSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const [bundle, cache] = process.argv.slice(2);
const script = new Script(readFileSync(bundle, 'latin1'), {
  filename: 'keystoreop-openbao.cjs',
  cachedData: readFileSync(cache),
});
if (script.cachedDataRejected) throw new Error('the code cache was rejected');
writeFileSync(cache, script.createCachedData());
