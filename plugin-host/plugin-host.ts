import { PluginHostError } from './errors.ts';
import type { CloseOptions } from './generation.ts';
import { openPluginDirectory } from './launch/executable.ts';
import { type PluginHostOptions, type PluginTable, validateHostOptions } from './options.ts';
import { PluginHandle } from './plugin-handle.ts';
import type { PluginStatus } from './status.ts';

/** A running host. `await using` closes it. */
export interface PluginHost<Plugins extends PluginTable = PluginTable> extends AsyncDisposable {
  /** Throws `ERR_OPTIONS` for a name the host was not started with. */
  plugin<Name extends keyof Plugins & string>(name: Name): PluginHandle<Plugins[Name]['contract']>;
  /** How every plugin is doing, now. */
  status(): { readonly [Name in keyof Plugins]: PluginStatus };
  /** Closes all plugins side by side. Idempotent; never rejects. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Starts every plugin of the table. Resolves when the options and the plugins directory are found good and the plugins
 * are starting; each then becomes ready or fails by itself (`plugin(name).ready()`).
 *
 * Rejects with `ERR_OPTIONS`, which lists every problem, or `ERR_PLUGIN_DIRECTORY`; nothing is started then.
 */
export async function startPluginHost<const Plugins extends PluginTable>(
  options: PluginHostOptions<Plugins>,
): Promise<PluginHost<Plugins>> {
  const plans = validateHostOptions(options);
  const { signal } = options;
  signal?.throwIfAborted();
  await openPluginDirectory(options.directory);
  signal?.throwIfAborted();

  const handles = new Map<string, PluginHandle>();
  // A backup is there before whoever relies on it.
  for (const plan of [...plans].sort((a, b) => Number(a.backup !== undefined) - Number(b.backup !== undefined))) {
    const backup = plan.backup === undefined ? undefined : handles.get(plan.backup);
    handles.set(plan.name, new PluginHandle(plan, { backup }));
  }
  const close = async (how?: CloseOptions): Promise<void> => {
    signal?.removeEventListener('abort', onAbort);
    await Promise.all([...handles.values()].map((handle) => handle.close(how)));
  };
  const onAbort = (): void => void close();
  signal?.addEventListener('abort', onAbort, { once: true });

  return {
    plugin(name) {
      const handle = handles.get(name);
      if (!handle) throw new PluginHostError('ERR_OPTIONS', `there is no plugin ${JSON.stringify(name)}`);
      return handle;
    },
    status: () =>
      Object.fromEntries([...handles].map(([name, handle]) => [name, handle.status()])) as ReturnType<
        PluginHost<Plugins>['status']
      >,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
