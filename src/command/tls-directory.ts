import { mkdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { OneTimeCertificate } from '../../plugin-protocol/certificate.ts';
import { CommandError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';

/** The files that a client of a plugin needs. Disposing removes them, and the directory if it was made for them. */
export interface TlsDirectory extends Disposable {
  readonly paths: { readonly certificate: string; readonly clientCertificate: string; readonly clientKey: string };
  /** @throws CommandError when it cannot be written */
  writeServer(certificatePem: string): void;
}

/**
 * Writes what a client shows. Files that are there are left as they are: they may belong to somebody.
 *
 * @throws CommandError when a file cannot be written
 */
export function openTlsDirectory(
  directory: string,
  client: OneTimeCertificate,
  on: (event: 'exit', listener: () => void) => void,
): TlsDirectory {
  const folder = resolve(directory);
  const paths = {
    certificate: join(folder, 'plugin.pem'),
    clientCertificate: join(folder, 'client.pem'),
    clientKey: join(folder, 'client-key.pem'),
  };
  const written: string[] = [];
  const wasMade = attempt(folder, () => make(folder));
  const write = (path: string, text: string): void => {
    attempt(path, () => writeFileSync(path, text, { flag: 'wx', mode: 0o600 }));
    written.push(path);
  };
  const remove = (): void => {
    for (const path of written.splice(0)) quietly(() => unlinkSync(path));
    if (wasMade) quietly(() => rmdirSync(folder));
  };
  on('exit', remove);
  try {
    write(paths.clientKey, client.privateKeyPem);
    write(paths.clientCertificate, client.certificatePem);
  } catch (error) {
    remove();
    throw error;
  }
  return {
    paths,
    writeServer: (certificatePem) => write(paths.certificate, certificatePem),
    [Symbol.dispose]: remove,
  };
}

/** Answers false when it is there already. */
function make(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function attempt<Value>(path: string, action: () => Value): Value {
  try {
    return action();
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    throw new CommandError(EXIT.unexpected, `${path} cannot be written (${code})`);
  }
}

function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // Gone already, or other things lie there meanwhile: not ours to remove.
  }
}
