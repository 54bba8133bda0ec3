import { readFile } from 'node:fs/promises';
import { capture, isThere } from './run.ts';

/** A program that the tests use when the machine has it. */
export interface OptionalTool {
  readonly title: string;
  /** Names it in the environment of the tests. */
  readonly variable: string;
  /** What is left out where it is missing. */
  readonly purpose: string;
  /** How to call it; undefined where it is missing or too old. */
  readonly command: string | undefined;
}

/** Looks for all of them. */
export async function optionalTools(): Promise<OptionalTool[]> {
  const oldest = await oldestGo();
  const [go, openssl, strip] = await Promise.all([
    first([process.env.GO, 'go', '/usr/local/go/bin/go'], (command) => isGo(command, oldest)),
    first(['openssl'], (command) => isThere(command, 'version')),
    first(['strip'], (command) => isThere(command, '--version')),
  ]);
  return [
    { title: `Go ${oldest}`, variable: 'GO', purpose: 'tests with the Go catalog, host and peers', command: go },
    { title: 'OpenSSL', variable: 'OPENSSL', purpose: 'its opinion on our certificates', command: openssl },
    { title: 'strip', variable: 'STRIP', purpose: 'the smaller executable', command: strip },
  ];
}

/** The version that the Go module of the tests asks for. */
async function oldestGo(): Promise<string> {
  const version = /^go (\d+\.\d+)/m.exec(await readFile('test/go/go.mod', 'utf8'))?.[1];
  if (version === undefined) throw new Error('test/go/go.mod names no Go version');
  return version;
}

async function isGo(command: string, oldest: string): Promise<boolean> {
  const version = await capture(command, ['env', 'GOVERSION']).catch(() => '');
  return version.trim().replace(/^go/, '').localeCompare(oldest, 'en', { numeric: true }) >= 0;
}

async function first(
  commands: readonly (string | undefined)[],
  works: (command: string) => Promise<boolean>,
): Promise<string | undefined> {
  for (const command of commands) if (command !== undefined && (await works(command))) return command;
  return undefined;
}
