import type { PluginType } from '../../keystore-contract/plugin-types.ts';
import type { ConfigServer } from '../../proto/gen/service/common/config/v1/config.ts';
import type { BuildInfo } from '../build-info.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import { KeystoreError } from '../keystore/errors.ts';
import { unary, type UnaryEnvironment } from './unary.ts';

/**
 * `service.common.config.v1.Config`. Configure checks the whole text and swaps the keystore, or leaves everything as it
 * was; it makes no connection, so that an OpenBao that is down does not keep CMK from starting.
 */
export function createConfig(
  type: PluginType,
  buildInfo: BuildInfo,
  environment: UnaryEnvironment,
  open: (configuration: PluginConfiguration) => Promise<void>,
): ConfigServer {
  return {
    configure: unary(environment, {
      rpc: 'Configure',
      face: 'operations',
      budgetMs: () => Infinity,
      async handle({ yamlConfiguration }) {
        // Nothing of this is needed to start, so it is loaded here: the handshake does not wait for it.
        const [{ parseConfiguration }, { ConfigurationError }] = await Promise.all([
          import('../config/parse.ts'),
          import('../config/configuration-error.ts'),
        ]);
        try {
          await open(parseConfiguration(yamlConfiguration, { type }));
        } catch (error) {
          if (!(error instanceof ConfigurationError)) throw error;
          const fields = error.problems.map(({ path }) => path);
          throw new KeystoreError('invalid-request', error.message, { fields });
        }
        environment.log.info({ type }, 'configured');
        return { buildInfo: JSON.stringify(buildInfo) };
      },
    }),
  };
}
