import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { SERVICE_NAMES } from '../../keystore-contract/plugin-types.ts';
import { install } from '../process/operations/installation.ts';
import { KEY } from '../process/operations/place.ts';
import { startCatalogHost } from '../support/go-catalog.ts';
import { buildGoPrograms, describeWithGo } from '../support/go.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const BUILD_MS = 600_000;

describeWithGo('CMK’s loader and catalog', () => {
  test(
    'take the entry that docs/operations.md installs, and use a key by it',
    async () => {
      await using sockets = await temporaryFolder();
      await using stage = await install();
      await using host = startCatalogHost(buildGoPrograms(), { PATH: process.env.PATH ?? '', TMPDIR: sockets.path });
      const decoded = await host.decode(await readFile(join(stage.folder, 'plugins.yaml'), 'utf8'));
      expect(decoded).toMatchObject({ error: '', plugins: [{ name: 'OPENBAO', tags: ['hyok'] }] });
      const catalog = host.catalog();
      expect((await catalog.load(...decoded.plugins)).error).toBe('');
      const parameters = { keyId: KEY };
      const answer = await catalog.call({ method: `${SERVICE_NAMES.keyOperation}/GetKey`, request: { parameters } });
      expect(answer).toMatchObject({ code: 'OK', response: { status: 'ENABLED' } });
      await catalog.close();
    },
    BUILD_MS,
  );
});
