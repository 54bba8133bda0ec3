import { status } from '@grpc/grpc-js';

import { PLUGIN_TYPES, type PluginType, SERVICE_DEFINITIONS } from '../../keystore-contract/plugin-types.ts';
import { rawMethod } from '../support/plugin-connection.ts';
import { bootstrap, config, type ConnectedPlugin, type Connect } from './stage.ts';

const TYPES = Object.keys(PLUGIN_TYPES) as PluginType[];
const EMPTY = Buffer.alloc(0);
const CLEAR: readonly number[] = [status.INVALID_ARGUMENT, status.FAILED_PRECONDITION];

const pathsOf = (type: PluginType): string[] =>
  [...PLUGIN_TYPES[type].named, ...PLUGIN_TYPES[type].unnamed]
    .filter((key) => key !== 'config')
    .flatMap((key) => Object.values<{ readonly path: string }>(SERVICE_DEFINITIONS[key]))
    .map(({ path }) => path);

export function startContract(connect: Connect): void {
  describe.each(TYPES)('%s', (type) => {
    let plugin: ConnectedPlugin;
    beforeAll(async () => {
      plugin = await connect(type);
    });
    afterAll(() => plugin[Symbol.asyncDispose]());

    it.each(pathsOf(type))('R-PROC-21 R-ERR-09 %s of an empty message waits for a configuration', async (path) => {
      expect(await plugin.refusal(rawMethod(path), EMPTY)).toEqual({
        code: status.FAILED_PRECONDITION,
        message: 'the plugin is not configured',
        reason: 'NOT_CONFIGURED',
        metadata: {},
      });
    });

    it('R-ERR-09 Init and Deinit of an empty message are answered', async () => {
      await plugin.call(rawMethod(bootstrap.init.path), EMPTY);
      await plugin.call(rawMethod(bootstrap.deinit.path), EMPTY);
    });

    it('bytes that are no message are answered, and the plugin goes on', async () => {
      for (const path of [...pathsOf(type), config.configure.path, bootstrap.init.path]) {
        for (const bytes of [Buffer.from([0xff]), Buffer.alloc(1000, 0xff), Buffer.from([0x0a, 0x7f, 0x01])]) {
          const { code } = await plugin.refusal(rawMethod(path), bytes);
          expect([status.INTERNAL, status.INVALID_ARGUMENT]).toContain(code);
        }
      }
      await plugin.call(bootstrap.init, { hostServiceNames: [] });
    });

    it('R-ERR-09 once configured, an empty message is answered by every method with a status of the contract', async () => {
      await plugin.call(rawMethod(config.configure.path), EMPTY);
      // That a key is not valid is told in an answer.
      for (const path of pathsOf(type).filter((method) => !method.endsWith('/ValidateKey'))) {
        const { code, reason } = await plugin.refusal(rawMethod(path), EMPTY);
        const clear = CLEAR.includes(code);
        expect({ path, code, clear }).toEqual({ path, code, clear: true });
        expect(reason).toMatch(/^(INVALID_REQUEST|UNSUPPORTED|MISSING_FIELDS)$/);
      }
    });
  });
}
