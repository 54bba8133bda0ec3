// Listens to what the plugin sends to OpenBao and, once a request for AT is under way, breaks the plugin in the way that
// the variable CRASH names. All that was heard is in the error, wherever libraries put such things.
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { setImmediate } = require('node:timers');
const tls = require('node:tls');

const { AT, CRASH } = process.env;

const PATTERNS = {
  token: /^x-vault-token: (\S+)/gim,
  'wrapping token': /"token":"([^"]+)"/g,
  plaintext: /"plaintext":"([^"]+)"/g,
  'secret id': /"secret_id":"([^"]+)"/g,
  JWT: /"jwt":"([^"]+)"/g,
  'wrapped key material': /"ciphertext":"([^"]+)"/g,
};
let heard = '';
let fail = () => undefined;
const keys = new Set();

/** Kinds and texts, the short ones first: a log line has an end. */
const secrets = () => {
  const found = Object.entries(PATTERNS).flatMap(([kind, pattern]) =>
    [...heard.matchAll(pattern)].map(([, text]) => [kind, text]),
  );
  return [...found, ...[...keys].map((pem) => ['private key', pem])];
};
const sayKinds = () => {
  const kinds = secrets().map(([kind, text]) => `${kind} ${createHash('sha256').update(text).digest('hex')}`);
  log({ kinds: [...new Set(kinds)].join('\n') }, 'secrets are in flight');
};
const log = (fields, message) => {
  const timestamp = new Date().toISOString().replace('Z', '000Z');
  const entry = { '@level': 'info', '@message': message, '@timestamp': timestamp, ...fields };
  fs.writeSync(2, `${JSON.stringify(entry)}\n`);
};
const broken = () => {
  const text = secrets()
    .map(([, secret]) => secret)
    .join(' ');
  const error = new Error(`could not process ${text}`, { cause: new Error(text) });
  error.stack += `\n    at ${text}\ncaused by: ${text}`;
  error.name = 'RequestError';
  return Object.assign(error, {
    config: { headers: { 'X-Vault-Token': text }, data: text },
    errors: [new Error(text)],
  });
};

const ways = {
  exception: () =>
    setImmediate(() => {
      throw broken();
    }),
  rejection: () => setImmediate(() => void Promise.reject(broken())),
  'exception that is no error': () =>
    setImmediate(() => {
      throw secrets().join();
    }),
  // From here on no request can be sent.
  'in the middle of a call': () => {
    fail = () => {
      throw broken();
    };
    fail();
  },
  // The mutant that the search must find.
  'log line': () => log({ text: secrets().join() }, 'request'),
};

const { createSecureContext } = tls;
tls.createSecureContext = (options) => {
  if (options?.key !== undefined) keys.add(String(options.key));
  return createSecureContext(options);
};
const { connect } = tls;
let over = false;
tls.connect = (...args) => {
  const socket = connect(...args);
  const { write } = socket;
  socket.write = (chunk, ...rest) => {
    fail();
    heard += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
    const sent = write.call(socket, chunk, ...rest);
    // The body follows the head.
    if (!over && heard.includes(AT) && heard.endsWith('}')) {
      over = true;
      sayKinds();
      ways[CRASH]();
    }
    return sent;
  };
  return socket;
};
