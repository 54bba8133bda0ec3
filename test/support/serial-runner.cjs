const { default: TestRunner } = require('jest-runner');

// Files of a layer that starts processes run one at a time, so that each has the machine's two cores to itself.
module.exports = class SerialRunner extends TestRunner {
  isSerial = true;
};
