import { build } from 'esbuild';
import type { BuildInfo } from '../../src/build-info.ts';

/** The plugin as one script. */
export interface Bundle {
  /** CommonJS in ASCII, without a shebang. */
  readonly code: string;
  /** Paths of the files that have a part in it, relative to the repository. */
  readonly inputs: readonly string[];
}

const ENTRY = 'src/main.ts';
const AXIOS_STUB = 'scripts/build/axios-stub.cjs';

/** @throws Error when the bundle would hold the real axios */
export async function bundlePlugin(buildInfo: BuildInfo): Promise<Bundle> {
  const result = await build({
    entryPoints: [ENTRY],
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'cjs',
    minify: true,
    charset: 'ascii',
    legalComments: 'none',
    alias: { axios: `./${AXIOS_STUB}` },
    define: { __BUILD_INFO__: JSON.stringify(buildInfo) },
    // A script run through node:vm cannot import; what is imported lazily becomes a lazy require inside the bundle.
    supported: { 'dynamic-import': false },
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  const axios = Object.keys(result.metafile.inputs).find((path) => path.includes('node_modules/axios/'));
  if (axios !== undefined) throw new Error(`the bundle holds axios: ${axios}`);
  const parts = Object.values(result.metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const inputs = parts.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
  return { code: result.outputFiles[0]?.text ?? '', inputs: inputs.sort() };
}
