import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createValueReader } from '../../../src/openbao/value-reader.ts';
import { recordLog } from '../../support/record-log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const WARNING = 'everybody on this machine may read the file of a secret: set its mode to 0600';

async function reading(mode: number, kind: 'secret' | 'public') {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'file');
  await writeFile(path, 'CANARY\n');
  await chmod(path, mode);
  const log = recordLog();
  const read = createValueReader(log.log);
  for (let reads = 0; reads < 3; reads += 1) {
    expect((await read({ source: 'file', file: { path } }, kind)).reveal()).toBe('CANARY');
  }
  expect(log.lines.join()).not.toContain('CANARY');
  return log.entries(WARNING).map((entry) => entry.source === path);
}

describe('R-AUTH-25 the file of a secret', () => {
  it('that everybody may read is warned of, once', async () => {
    expect(await reading(0o644, 'secret')).toEqual([true]);
  });

  it.each([0o600, 0o640])('of mode %o is not', async (mode) => {
    expect(await reading(mode, 'secret')).toEqual([]);
  });

  it('is the only one that is looked at', async () => {
    expect(await reading(0o644, 'public')).toEqual([]);
  });
});
