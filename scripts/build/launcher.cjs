// First code of the executable: runs the bundle out of the executable itself, with the code that V8 compiled for it at
// build time.
const { writeSync } = require('node:fs');
const { getRawAsset } = require('node:sea');
const { Script } = require('node:vm');

const script = new Script(Buffer.from(getRawAsset('bundle')).latin1Slice(), {
  filename: 'keystoreop-openbao.cjs',
  cachedData: Buffer.from(getRawAsset('code-cache')),
});
// Everything works without it, only later: whoever sees this has an executable that was not built right.
if (script.cachedDataRejected) {
  const timestamp = new Date().toISOString().replace('Z', '000Z');
  const entry = { '@level': 'warn', '@message': 'the code cache was rejected', '@timestamp': timestamp };
  writeSync(2, `${JSON.stringify(entry)}\n`);
}
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_);
