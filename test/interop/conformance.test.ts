import { join } from 'node:path';

import { PROFILES } from '../../keystore-contract/conformance/case.ts';
import { runConformance } from '../../keystore-contract/conformance/runner.ts';
import type { Subject } from '../../keystore-contract/conformance/subject.ts';
import { builtPlugin } from '../support/built-plugin.ts';
import { createCustomerStage, LACKING } from '../support/conformance-stage.ts';
import { connectionSubject } from '../support/conformance-subject.ts';
import { type ConformanceSetting, conformanceSuite } from '../support/conformance-suite.ts';
import { AUTH_METHODS, type AuthMethod, type Customer, startCustomer } from '../support/customer.ts';
import { startCatalogHost } from '../support/go-catalog.ts';
import { buildGoPrograms, describeWithGo, type GoPrograms } from '../support/go.ts';
import { connectSocket } from '../support/plugin-connection.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const BUILD_MS = 600_000;

describeWithGo('plugin-sdk’s catalog', () => {
  let programs: GoPrograms;
  beforeAll(() => {
    programs = buildGoPrograms();
  }, BUILD_MS);

  /** A plugin that the catalog has loaded, called over the catalog's own connection. */
  async function loadPlugin(
    path: string,
    yamlConfiguration: string,
  ): Promise<AsyncDisposable & { readonly subject: Subject }> {
    await using resources = new AsyncDisposableStack();
    // It is made for this user alone, which is all the protection that the socket has.
    const folder = resources.use(await temporaryFolder());
    const host = resources.use(startCatalogHost(programs, { PATH: process.env.PATH ?? '', TMPDIR: folder.path }));
    const catalog = host.catalog();
    const entry = { name: 'PLUGIN', type: 'KeystoreInstanceKeyOperation', path, yamlConfiguration };
    expect(await catalog.load(entry)).toMatchObject({ error: '' });
    const socket = join(folder.path, 'catalog');
    await catalog.expose(socket);
    const connection = connectSocket(socket);
    resources.defer(() => connection.disconnect());
    const held = resources.move();
    return { subject: connectionSubject(connection), [Symbol.asyncDispose]: () => held.disposeAsync() };
  }

  describe('with the executable', () => {
    let customer: Customer;
    beforeAll(async () => {
      customer = await startCustomer();
    });
    afterAll(() => customer[Symbol.asyncDispose]());

    describe.each(AUTH_METHODS)('and the identity by %s', (method: AuthMethod) => {
      conformanceSuite(async (): Promise<ConformanceSetting> => {
        const { stage, yaml } = await createCustomerStage(customer, method);
        return { stage, ...(await loadPlugin(builtPlugin(), yaml)) };
      }, LACKING[method]);
    });
  });

  it('shows a plugin of another author as it is, and so the suite judges it', async () => {
    await using peer = await loadPlugin(programs.peer, '');
    const facts = { key: 'enabled', values: {}, missingKey: 'missing' };
    const results = await runConformance({
      subject: peer.subject,
      stage: { facts, acts: {}, traits: [] },
      profiles: ['HYOK'],
    });
    const verdict = (id: string) => results.find((each) => each.id === id);
    expect(verdict('HYOK-GETKEY-06')).toMatchObject({ outcome: 'passed' });
    expect(verdict('HYOK-GETKEY-01')).toMatchObject({
      outcome: 'failed',
      why: expect.stringMatching(/^step 1, GetKey: latestKeyVersionId is "" /) as string,
    });
    expect(verdict('HYOK-VERSIONS-01')).toMatchObject({
      outcome: 'failed',
      why: expect.stringMatching(/^step 1, GetKeyVersions: the call was refused with UNIMPLEMENTED /) as string,
    });
    expect(verdict('BASE-EMPTY-07')?.why).toBe('step 1, CreateKey: the method is not served (UNIMPLEMENTED).');
    const others = PROFILES.filter((profile) => profile !== 'HYOK');
    for (const { id, outcome } of results) {
      if (others.some((profile) => id.startsWith(profile))) expect([id, outcome]).toEqual([id, 'skipped']);
    }
  });
});
