import { startInProcessPlugin } from '../support/in-process-plugin.ts';
import { contractSuite } from './contract-suite.ts';

contractSuite((type) => startInProcessPlugin({ type }));
