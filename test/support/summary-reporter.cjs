const fs = require('node:fs');
const path = require('node:path');

// Writes what ran to .cache/test-results.json, for scripts/check-spec.ts; scripts/test.ts prints the closing line. Tells
// scripts/run-jest.ts, when that has started jest, that the run moves on.
module.exports = class SummaryReporter {
  onTestFileStart() {
    process.send?.('progress');
  }

  onTestCaseResult() {
    process.send?.('progress');
  }

  onRunComplete(_contexts, results) {
    const tests = results.testResults.flatMap((file) =>
      file.testResults.map((test) => ({
        file: path.relative(process.cwd(), file.testFilePath),
        title: test.fullName,
        status: test.status,
      })),
    );
    const summary = {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
      tests,
    };
    fs.mkdirSync('.cache', { recursive: true });
    fs.writeFileSync('.cache/test-results.json', JSON.stringify(summary, null, 1));
    process.send?.('complete');
  }
};
