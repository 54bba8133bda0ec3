// Import directions between folders (docs/architecture.md) and the ban on cycles.
const PACKAGES = '(^|/)node_modules/';
const SELF_TEST = '^src/command/handshake';
const BOTH_ENDS = ['^proto/gen/', '^plugin-protocol/', '^keystore-contract/'];

/** Files of `folder` import only each other, packages, Node's own modules and what `allowed` names. */
const only = (name, folder, allowed) => ({
  name,
  severity: 'error',
  from: { path: folder },
  to: { pathNot: [folder, PACKAGES, ...allowed], dependencyTypesNot: ['core'] },
});

const never = (name, from, to) => ({ name, severity: 'error', from, to });

module.exports = {
  forbidden: [
    never('no-cycles', {}, { circular: true }),
    never('resolvable', {}, { couldNotResolve: true }),

    only('protocol-is-shared-ground', '^plugin-protocol/', ['^proto/gen/']),
    only('contract-knows-no-end', '^keystore-contract/', ['^proto/gen/', '^plugin-protocol/']),
    only('host-never-imports-plugin', '^plugin-host/', BOTH_ENDS),
    never(
      'host-library-knows-no-keystore',
      { path: '^plugin-host/', pathNot: '^plugin-host/command/' },
      { path: ['^keystore-contract/', '^proto/gen/plugin/keystore/', '^plugin-host/command/'] },
    ),
    {
      ...only('plugin-never-imports-host', '^src/', BOTH_ENDS),
      from: { path: '^src/', pathNot: SELF_TEST },
    },
    only('self-test-is-a-host', SELF_TEST, [...BOTH_ENDS, '^src/', '^plugin-host/']),
    only('scripts-never-import-tests', '^scripts/', [...BOTH_ENDS, '^src/', '^plugin-host/']),

    never('domain-imports-nothing', { path: '^src/keystore/' }, { pathNot: ['^src/keystore/', '^keystore-contract/'] }),
    never(
      'protocol-has-no-effects',
      { path: '^plugin-protocol/' },
      { path: '^(node:)?(fs|net|child_process|http|https|http2|tls|timers|process|os|dgram|dns|worker_threads)(/|$)' },
    ),
    never(
      'only-openbao-folder-speaks-http',
      { path: '^(src|plugin-host|plugin-protocol|keystore-contract)/', pathNot: '^src/openbao/' },
      { path: `${PACKAGES}(undici|node-vault)/` },
    ),
    never(
      'rpc-and-openbao-do-not-meet',
      { path: '^src/openbao/' },
      { path: ['^src/(rpc|serve|command)/', `${PACKAGES}@grpc/`] },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^test/go/', '^dist/', '^\\.cache/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['node', 'import', 'default'],
    },
  },
};
