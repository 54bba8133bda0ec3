import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Path of the built executable. @throws Error when it has not been built */
export function builtPlugin(): string {
  return built('keystoreop-openbao');
}

/** Path of the built bundle, which needs a Node. @throws Error when it has not been built */
export function builtBundle(): string {
  return built('keystoreop-openbao.cjs');
}

/** Hex SHA-256 of a file, as `checksum` in CMK's configuration. */
export function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function built(name: string): string {
  const file = join(process.cwd(), 'dist', name);
  if (!existsSync(file)) throw new Error(`dist/${name} is missing: run npm run build first`);
  return file;
}
