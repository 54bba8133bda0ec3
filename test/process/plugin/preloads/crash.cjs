// Breaks the plugin in the way that the variable CRASH names. Every error carries a secret where libraries carry them.
const fs = require('node:fs');
const { setImmediate, setTimeout } = require('node:timers');

const { hookRequire } = require('./hook-require.cjs');

const { CRASH, DATABASE_PASSWORD } = process.env;
const secrets = {
  token: DATABASE_PASSWORD,
  config: { headers: { 'X-Vault-Token': DATABASE_PASSWORD } },
  toString: () => DATABASE_PASSWORD,
};
const broken = () =>
  Object.assign(new Error('something broke', { cause: new Error(DATABASE_PASSWORD) }), {
    ...secrets,
    errors: [secrets],
  });

const afterHandshake = (action) => {
  const { writeSync } = fs;
  fs.writeSync = (fd, ...rest) => {
    const written = writeSync(fd, ...rest);
    if (fd === 1) setTimeout(action, 20);
    return written;
  };
};
const raise = (value) => () => {
  throw value;
};

const ways = {
  exception: () => afterHandshake(raise(broken())),
  'exception that is no error': () => afterHandshake(raise(DATABASE_PASSWORD)),
  rejection: () => afterHandshake(() => void Promise.reject(broken())),
  'rejection that is no error': () => afterHandshake(() => void Promise.reject(secrets)),
  'two exceptions': () => {
    afterHandshake(raise(broken()));
    afterHandshake(raise(broken()));
  },
  'while a module loads': () => hookRequire('http2', raise(broken())),
  'exception before the handshake': () => hookRequire('http2', () => setImmediate(raise(broken()))),
};
ways[CRASH]();
