// Tells the names of all variables that are left once the plugin has loaded its own modules.
const { hookRequire } = require('./hook-require.cjs');

hookRequire('http2', () => process.emitWarning(`variables: ${Object.keys(process.env).join(' ') || 'none'}`));
