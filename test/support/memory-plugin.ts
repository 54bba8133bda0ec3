import type { Stage } from '../../keystore-contract/conformance/stage.ts';
import type { Subject } from '../../keystore-contract/conformance/subject.ts';
import { SERVICE_DEFINITIONS } from '../../keystore-contract/plugin-types.ts';
import type { Keystore } from '../../src/keystore/keystore.ts';
import { connectionSubject } from './conformance-subject.ts';
import { startInProcessPlugin } from './in-process-plugin.ts';
import { createMemoryStage, type MEMORY_VARIANTS } from './memory-stage.ts';

/** A configured plugin in this process on a keystore in memory, and what is around it. */
export interface MemoryPlugin extends AsyncDisposable {
  readonly stage: Stage;
  readonly subject: Subject;
}

/** Starts one. `change` takes the keystore and gives the one to serve instead. */
export async function startMemoryPlugin(
  variant: keyof typeof MEMORY_VARIANTS,
  change: (keystore: Keystore) => Keystore = (keystore) => keystore,
): Promise<MemoryPlugin> {
  const { openKeystore, stage, yaml } = await createMemoryStage(variant);
  const plugin = await startInProcessPlugin({
    openKeystore: async (configuration, log) => change(await openKeystore(configuration, log)),
  });
  await plugin.call(SERVICE_DEFINITIONS.config.configure, { yamlConfiguration: yaml });
  return { stage, subject: connectionSubject(plugin), [Symbol.asyncDispose]: () => plugin[Symbol.asyncDispose]() };
}
