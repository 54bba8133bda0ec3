import { configurationContract } from './configuration-contract.ts';
import { cryptoContract } from './crypto-contract.ts';
import { hostileContract } from './hostile-contract.ts';
import { operationsContract } from './operations-contract.ts';
import { refusalContract } from './refusal-contract.ts';
import { secrecyContract } from './secrecy-contract.ts';
import { type Connect, useStage } from './stage.ts';
import { startContract } from './start-contract.ts';

/** What every plugin of this contract does on a real OpenBao, in the terms of a host, whichever way it was started. */
export function contractSuite(connect: Connect): void {
  describe('before any configuration', () => startContract(connect));
  describe('beside an OpenBao', () => {
    const stage = useStage(connect);
    describe('configuration', () => configurationContract(stage));
    describe('operations face', () => operationsContract(stage));
    describe('crypto face', () => cryptoContract(stage));
    describe('refusals', () => refusalContract(stage));
    describe('hostile input', () => hostileContract(stage));
    // Last: it looks back at all of the above.
    describe('secrecy', () => secrecyContract(stage));
  });
}
