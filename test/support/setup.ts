// A test that leaves a process warning behind (a listener leak above all) fails.
// swc's code for `await using` refers to this name and defines it nowhere; without it a failing disposal hides the failure
// of the test, and the disposals after it do not happen.
Object.assign(globalThis, { _SuppressedError: SuppressedError });

const warnings: string[] = [];
const onWarning = (warning: Error): void => {
  warnings.push(`${warning.name}: ${warning.message}`);
};

beforeAll(() => {
  process.on('warning', onWarning);
});

afterAll(() => {
  process.off('warning', onWarning);
  const relevant = warnings.filter((text) => !text.startsWith('ExperimentalWarning'));
  if (relevant.length > 0) throw new Error(`process warnings during this file: ${relevant.join('; ')}`);
});
