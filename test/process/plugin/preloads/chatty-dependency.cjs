// What a careless dependency may print, while it loads and later.
const { setTimeout } = require('node:timers');

const { hookRequire } = require('./hook-require.cjs');

const talk = (when) => {
  console.log(`log ${when}`);
  console.info('two\nlines');
  console.error('x'.repeat(100 * 1024));
  console.debug({ secret: process.env.NOTHING }, 7, null, undefined, Symbol('s'), 10n);
  console.table([{ a: 1 }]);
  console.dir({ a: 1 });
  console.trace('trace');
  console.assert(false, 'assert');
  process.stdout.write('straight to stdout\n');
  process.stderr.write('straight to stderr\n');
  process.emitWarning(`a warning\nof two lines ${'y'.repeat(100 * 1024)}`);
};

hookRequire('http2', () => talk('at import'));
setTimeout(() => talk('later'), 300).unref();
