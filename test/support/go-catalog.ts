import type { Call, CallAnswer, HostLogEntry, LoadReport, ProcessSample } from './go-answers.ts';
import { startGoProgram, type GoProgram } from './go-program.ts';
import type { GoPrograms } from './go.ts';

/** An entry of CMK's `plugins:` list, in the words of that file. */
export interface PluginEntry {
  readonly name: string;
  readonly type: string;
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly checksum?: string;
  readonly version?: number;
  readonly yamlConfiguration?: string;
  readonly logLevel?: string;
  readonly tags?: readonly string[];
  readonly disabled?: boolean;
}

export interface LoadedPlugin {
  readonly name: string;
  readonly type: string;
  readonly version: number;
  readonly buildInfo: string;
  readonly services: readonly string[];
}

export interface LoadResult {
  readonly ms: number;
  /** The catalog's error; empty when everything was loaded. */
  readonly error: string;
  readonly plugins: readonly LoadedPlugin[];
}

export interface DecodedList {
  /** The loader's error; empty when the file is good. */
  readonly error: string;
  readonly plugins: readonly PluginEntry[];
}

/** One call of `catalog.New` and what is done with its result. */
export interface Catalog {
  load(...plugins: readonly PluginEntry[]): Promise<LoadResult>;
  /** Calls the first plugin of the catalog, or the one that `plugin` names. */
  call<Response = Record<string, unknown>>(
    call: Call & { readonly type?: string; readonly name?: string },
  ): Promise<CallAnswer<Response>>;
  repeat(call: Call & { readonly callers: number; readonly durationMs: number }): Promise<LoadReport>;
  /** Takes calls for the first plugin on a unix socket without TLS, and makes them on the catalog's own connection. */
  expose(socket: string): Promise<void>;
  /** What the host has logged so far, relayed lines of plugins included; complete once the catalog is closed. */
  log(): Promise<readonly HostLogEntry[]>;
  close(): Promise<{ readonly ms: number; readonly error: string }>;
}

/** The Go program that loads plugins with plugin-sdk's catalog, as CMK does. */
export interface CatalogHost extends GoProgram {
  /** A catalog that nothing is loaded into yet; the program closes it at the latest when it ends. */
  catalog(): Catalog;
  /** What CMK's loader makes of a file whose only key is `plugins`, or its error. */
  decode(yaml: string): Promise<DecodedList>;
  /** The children of the program: the plugin processes. */
  processes(): Promise<readonly ProcessSample[]>;
}

/** Starts the program. `env` is its whole environment, which plugins inherit. */
export function startCatalogHost(programs: GoPrograms, env: Record<string, string>): CatalogHost {
  const program = startGoProgram(programs.catalog, ['-descriptors', programs.descriptors], env);
  let made = 0;
  return Object.assign(program, {
    catalog(): Catalog {
      const catalog = `catalog-${++made}`;
      return {
        load: (...plugins) => program.send('load', { catalog, plugins }),
        call: (call) => program.send('call', { catalog, ...call }),
        repeat: (call) => program.send('repeat', { catalog, ...call }),
        expose: (socket) => program.send('expose', { catalog, socket }),
        log: () => program.send('log', { catalog }),
        close: () => program.send('close', { catalog }),
      };
    },
    decode: (yaml: string) => program.send<DecodedList>('decode', { yaml }),
    processes: () => program.send<readonly ProcessSample[]>('processes'),
  });
}
