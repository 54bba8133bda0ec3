// First code of the executable: runs the bundle out of the executable itself, with the code that V8 compiled for it at
// build time.

// No plugin ever starts a process. Node takes rights as flags, before any code, so the executable has this one until here; only
// the command `handshake`, which is a host, keeps it. A host that passes that argument gains nothing: the bundle's first act
// (src/self-defence.ts) gives the right up in every process with a magic cookie.
if (process.argv[2] !== 'handshake') process.permission.drop('child');

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
