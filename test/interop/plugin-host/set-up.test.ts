import { EXACT_STATUSES } from '../../../keystore-contract/statuses.ts';
import { logged } from '../../process/plugin-host/host-fixture.ts';
import { buildGoPrograms, describeWithGo, type GoPrograms } from '../../support/go.ts';
import { failureOf, PARAMETERS, startMemoryHost } from './memory-host.ts';

const BUILD_MS = 600_000;
const OPERATIONS = 'plugin.keystore.operations.v1.KeystoreInstanceKeyOperation';
const CONFIG = 'service.common.config.v1.Config';

describeWithGo('a plugin built on plugin-sdk is set up', () => {
  let programs: GoPrograms;
  beforeAll(() => {
    programs = buildGoPrograms();
  }, BUILD_MS);

  test('L1 and tells what it serves; what it serves unnamed is called all the same', async () => {
    await using host = await startMemoryHost(programs);
    await expect(host.plugin.ready()).resolves.toMatchObject({ serviceNames: [OPERATIONS, CONFIG] });
    await host.call();
  });

  test('L2 statuses come with their reason and metadata as the plugin made them', async () => {
    const configuration = JSON.stringify({ tokens: { a: 'b' }, keys: { own: 'a' } });
    await using host = await startMemoryHost(programs, { configuration });
    await host.plugin.ready();
    const { crypto, operations } = host.plugin.client;
    const parameters = (keyId: string, values: object) => ({ parameters: { keyId, config: { values } } });
    await expect(operations.getKey(parameters('own', { account: 'a' }))).rejects.toMatchObject({
      ...EXACT_STATUSES.invalidAccessData,
      errorInfo: { reason: 'MISSING_FIELDS', domain: '', metadata: { missingFields: 'token' } },
      method: `/${OPERATIONS}/GetKey`,
    });
    await expect(operations.getKey(parameters('missing', { account: 'a', token: 'b' }))).rejects.toMatchObject({
      ...EXACT_STATUSES.keyNotFound,
      errorInfo: { reason: 'KEY_NOT_FOUND', domain: '', metadata: {} },
    });
    const call = crypto.encrypt({ ...parameters('own', { account: 'a', token: 'c' }), plaintext: Buffer.alloc(1) });
    await expect(call).rejects.toMatchObject({ status: 'UNAUTHENTICATED', errorInfo: { reason: 'LOGIN_REFUSED' } });
  });

  test('L3 without a configuration service it is taken as it is, and the host says so', async () => {
    await using host = await startMemoryHost(programs, { flags: ['-no-config'] });
    await expect(host.plugin.ready()).resolves.toMatchObject({ serviceNames: [OPERATIONS] });
    expect(await logged(host.log, 'plugin takes no configuration; the one it has is not used')).toMatchObject({
      level: 'warn',
    });
    await expect(host.plugin.client.operations.getKey({ parameters: PARAMETERS })).rejects.toMatchObject(
      EXACT_STATUSES.keyNotFound,
    );
  });

  test('L3 an Init that it does not know counts as no services, which a type that requires one does not allow', async () => {
    await using host = await startMemoryHost(programs, { flags: ['-no-init'] });
    expect(await failureOf(host)).toMatchObject({
      code: 'ERR_SERVICE_MISSING',
      message: `plugin MEMORY: the plugin does not serve ${OPERATIONS}, which its type KeystoreInstanceKeyOperation requires`,
    });
  });

  test('L3 a Configure that fails: its status without the configuration, and the process is ended in order', async () => {
    await using host = await startMemoryHost(programs, { configuration: '{"seed":"a secret"}', flags: ['-trace'] });
    expect(await failureOf(host)).toMatchObject({
      code: 'ERR_CONFIGURE',
      message: 'plugin MEMORY: Configure failed: INVALID_ARGUMENT: seed is not of 32 bytes in hexadecimal',
      details: { step: 'configure' },
    });
    const { exitCode } = await logged(host.log, 'plugin process ended');
    expect(exitCode).toBe(0);
    const methods = host.log.flatMap(({ fields }) => (fields as { method?: string } | undefined)?.method ?? []);
    expect(methods.slice(-2)).toEqual(['service.init.v1.Bootstrap/Deinit', 'plugin.GRPCController/Shutdown']);
    expect(JSON.stringify(host.log)).not.toContain('a secret');
  });

  test('L4 a name that nobody knows is a warning and no more', async () => {
    await using host = await startMemoryHost(programs, { flags: ['-extra', 'future.v1.Service'] });
    await host.plugin.ready();
    expect(await logged(host.log, 'plugin names services that this host does not know')).toMatchObject({
      level: 'warn',
      unknown: ['future.v1.Service'],
    });
    await host.call();
  });
});
