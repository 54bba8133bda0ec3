import { existsSync } from 'node:fs';

// One project per layer; the layers that spawn processes run one file at a time.
const transform = {
  '^.+\\.(ts|js|mjs)$': [
    '@swc/jest',
    {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
      module: { type: 'commonjs' },
      sourceMaps: 'inline',
    },
  ],
};

const layer = (name, options = {}) => ({
  displayName: name,
  rootDir: '.',
  roots: [`<rootDir>/test/${name}`],
  testMatch: ['**/*.test.ts'],
  testEnvironment: 'node',
  transform,
  transformIgnorePatterns: ['node_modules/(?!(commander|cockatiel)/)'],
  setupFilesAfterEnv: ['<rootDir>/test/support/setup.ts'],
  cacheDirectory: '<rootDir>/.cache/jest',
  ...options,
});

const serial = { runner: '<rootDir>/test/support/serial-runner.cjs' };

export default {
  projects: [
    layer('unit'),
    layer('contract', serial),
    layer('live', serial),
    layer('process', serial),
    layer('interop', serial),
    // git keeps no empty folder, and jest insists that each be there.
  ].filter(({ displayName }) => existsSync(`test/${displayName}`)),
  reporters: ['default', '<rootDir>/test/support/summary-reporter.cjs'],
  testTimeout: 60_000,
  cacheDirectory: '<rootDir>/.cache/jest',
};
