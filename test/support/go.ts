import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of the built programs of test/go, and of the descriptor set they need for services that have no Go code. */
export interface GoPrograms {
  readonly broker: string;
  readonly catalog: string;
  readonly host: string;
  readonly load: string;
  readonly memory: string;
  readonly peer: string;
  readonly versions: string;
  readonly grpcurl: string;
  readonly descriptors: string;
}

// Where a Go toolchain is looked for: the variable GO, the PATH, the place that go.dev's archive is unpacked to.
const CANDIDATES = [process.env.GO, 'go', '/usr/local/go/bin/go'];
const FOLDER = join(process.cwd(), '.cache', 'go');
const MODULE = join('test', 'go');
const MINIMUM = /^go (.*)$/m.exec(readFileSync(join(MODULE, 'go.mod'), 'utf8'))?.[1] ?? '';
const GRPCURL = 'github.com/fullstorydev/grpcurl/cmd/grpcurl';

/** The Go command, or undefined when this machine has none that is new enough. */
export const goCommand = CANDIDATES.find((command) => command !== undefined && isNewEnough(command));

/** Builds what is not up to date (the first time this fetches modules and takes minutes) and says where it is. */
export function buildGoPrograms(): GoPrograms {
  mkdirSync(FOLDER, { recursive: true });
  const descriptors = join(FOLDER, 'descriptors.binpb');
  execFileSync(join('node_modules', '.bin', 'buf'), ['build', '--output', descriptors], { stdio: 'pipe' });
  build(FOLDER, ['./cmd/...', GRPCURL]);
  const program = (name: string): string => join(FOLDER, name);
  return {
    broker: program('broker'),
    catalog: program('catalog'),
    host: program('host'),
    load: program('load'),
    memory: program('memory'),
    peer: program('peer'),
    versions: program('versions'),
    grpcurl: program('grpcurl'),
    descriptors,
  };
}

// What test/go/go.mod and go.sum lack of the last go-plugin whose handshake line has six fields.
const OLDER_GO_PLUGIN = '1.4.8';
const OLDER_MODULE = [
  `replace github.com/hashicorp/go-plugin => github.com/hashicorp/go-plugin v${OLDER_GO_PLUGIN}`,
  'require github.com/mitchellh/go-testing-interface v0.0.0-20171004221916-a61a99592b77 // indirect',
];
const OLDER_SUMS = [
  'github.com/hashicorp/go-plugin v1.4.8 h1:CHGwpxYDOttQOY7HOWgETU9dyVjOXzniXDqJcYJE1zM=',
  'github.com/hashicorp/go-plugin v1.4.8/go.mod h1:viDMjcLJuDui6pXb8U4HVfb8AamCWhHGUjr2IrTF67s=',
  'github.com/mitchellh/go-testing-interface v0.0.0-20171004221916-a61a99592b77 h1:7GoSOOW2jpsfkntVKaS2rAr1TJqfcxotyaUcuxoZSzg=',
  'github.com/mitchellh/go-testing-interface v0.0.0-20171004221916-a61a99592b77/go.mod h1:kRemZodwjscx+RGhAo8eIhFbs2+BFgRtFPeD/KE+zxI=',
];

/** Builds the memory plugin on a go-plugin of 2022, and says where it is. Build the others first: it needs their folder. */
export function buildOlderMemoryPlugin(): { readonly path: string; readonly goPlugin: string } {
  const folder = join(FOLDER, 'older');
  const extended = (name: string, lines: readonly string[]): string =>
    [readFileSync(join(MODULE, name), 'utf8'), ...lines, ''].join('\n');
  writeFileSync(`${folder}.mod`, extended('go.mod', OLDER_MODULE));
  writeFileSync(`${folder}.sum`, extended('go.sum', OLDER_SUMS));
  build(folder, [`-modfile=${folder}.mod`, './cmd/memory']);
  return { path: join(folder, 'memory'), goPlugin: `v${OLDER_GO_PLUGIN}` };
}

function build(folder: string, what: readonly string[]): void {
  if (goCommand === undefined) throw new Error(`Go ${MINIMUM} or later is needed`);
  execFileSync(goCommand, ['build', '-C', MODULE, '-trimpath', '-buildvcs=false', '-o', `${folder}/`, ...what], {
    stdio: 'pipe',
    env: { ...process.env, CGO_ENABLED: '0' },
  });
}

/** `describe` for tests that need Go: skipped with a visible line where there is none, unless REQUIRE_ALL=1. */
export function describeWithGo(name: string, body: () => void): void {
  if (goCommand !== undefined || process.env.REQUIRE_ALL === '1') {
    describe(name, body);
    return;
  }
  process.stderr.write(`skipped, no Go ${MINIMUM} or later on this machine: ${name}\n`);
  describe.skip(name, body);
}

function isNewEnough(command: string): boolean {
  const { status, stdout } = spawnSync(command, ['env', 'GOVERSION'], { encoding: 'utf8' });
  const version = status === 0 ? stdout.trim().replace(/^go/, '') : '';
  return version.localeCompare(MINIMUM, 'en', { numeric: true }) >= 0;
}
