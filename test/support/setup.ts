// A test that leaves a process warning behind (a listener leak above all) fails.
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
