import { failure, load, logged } from './host-fixture.ts';

describe('set-up', () => {
  test('a crash after the handshake', async () => {
    const error = await failure('crash-after-handshake.ts');
    expect(error).toMatchObject({
      code: 'ERR_PLUGIN_EXITED',
      details: { exitCode: 42, lastStderr: ['fatal error: out of everything'] },
    });
    expect(error.message).toMatch(/^plugin TEST exited with code 42 while the host waited for its /);
  });

  test('an exit inside Init', async () => {
    const error = await failure('exits-in-init.ts');
    expect(error).toMatchObject({
      code: 'ERR_PLUGIN_EXITED',
      message: 'plugin TEST exited with code 7 while the host waited for its answer to Init',
    });
  });

  test('L3 R-HOST-07 a failing Init: the plugin’s status, and the process is ended', async () => {
    const error = await failure('init-fails.ts');
    expect(error).toMatchObject({
      code: 'ERR_INIT',
      message: 'plugin TEST: Init failed: INTERNAL: no host service',
      cause: { name: 'PluginCallError', code: 13, status: 'INTERNAL', message: 'no host service' },
    });
  });

  test('a hanging Init ends with its time', async () => {
    const error = await failure('init-hangs.ts', { initTimeoutMs: 300 });
    expect(error).toMatchObject({ code: 'ERR_INIT', cause: { status: 'DEADLINE_EXCEEDED' } });
  });

  test.each(['wrong-service-names.ts', 'init-unknown.ts'])(
    'H34 %s: clear error, and the process is ended',
    async (fixture) => {
      const error = await failure(fixture);
      expect(error).toMatchObject({
        code: 'ERR_SERVICE_MISSING',
        message: 'plugin TEST: the plugin does not serve test.v1.TestService, which its type TestService requires',
      });
    },
  );

  test('L3 R-HOST-06 R-HOST-07 a failing Configure: the plugin’s status, Deinit and Shutdown, and the process is ended', async () => {
    await using stage = await load('configure-fails.ts', { configuration: 'a secret in here' });
    const error: unknown = await stage.plugin.ready().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_CONFIGURE',
      message: 'plugin TEST: Configure failed: INVALID_ARGUMENT: line 3: unknown key',
      cause: { status: 'INVALID_ARGUMENT' },
    });
    expect(stage.plugin.state).toMatchObject({ name: 'failed', generation: 1, error });
    await logged(stage.log, 'Deinit');
    await logged(stage.log, 'Shutdown');
    expect(JSON.stringify(stage.log)).not.toContain('a secret in here');
    await expect(stage.plugin.client.test.echo({})).rejects.toBe(error);
    await stage.close();
    expect(stage.plugin.state).toEqual({ name: 'closed', generation: 1 });
  });
});
