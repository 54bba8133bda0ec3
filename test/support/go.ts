import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of the built programs of test/go, and of the descriptor set they need for services that have no Go code. */
export interface GoPrograms {
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
const MINIMUM = /^go (.*)$/m.exec(readFileSync(join('test', 'go', 'go.mod'), 'utf8'))?.[1] ?? '';
const GRPCURL = 'github.com/fullstorydev/grpcurl/cmd/grpcurl';

/** The Go command, or undefined when this machine has none that is new enough. */
export const goCommand = CANDIDATES.find((command) => command !== undefined && isNewEnough(command));

/** Builds what is not up to date (the first time this fetches modules and takes minutes) and says where it is. */
export function buildGoPrograms(): GoPrograms {
  if (goCommand === undefined) throw new Error(`Go ${MINIMUM} or later is needed`);
  mkdirSync(FOLDER, { recursive: true });
  const descriptors = join(FOLDER, 'descriptors.binpb');
  execFileSync(join('node_modules', '.bin', 'buf'), ['build', '--output', descriptors], { stdio: 'pipe' });
  execFileSync(
    goCommand,
    ['build', '-C', join('test', 'go'), '-trimpath', '-buildvcs=false', '-o', `${FOLDER}/`, './cmd/...', GRPCURL],
    { stdio: 'pipe', env: { ...process.env, CGO_ENABLED: '0' } },
  );
  const program = (name: string): string => join(FOLDER, name);
  return {
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
