import { readFile } from 'node:fs/promises';

import type { Canary } from './canaries.ts';

/** Configuration of an audit device that writes down every request and answer as it is, secrets included. */
export function rawAudit(path: string): string {
  return `audit "file" "raw" {\n  options {\n    file_path = "${path}"\n    log_raw = "true"\n  }\n}\n`;
}

/** Members of requests and answers that are secrets, with the name of the kind and what is written of it. */
const SECRETS: Readonly<Record<string, readonly [name: string, read: (text: string) => string | Buffer]>> = {
  client_token: ['token', asIs],
  secret_id: ['secret id', asIs],
  token: ['wrapping token', asIs],
  jwt: ['JWT', asIs],
  plaintext: ['plaintext', (text) => Buffer.from(text, 'base64')],
};

/** All secrets that OpenBao was given and gave out, by its own account. */
export async function secretsInAudit(path: string): Promise<readonly Canary[]> {
  const found = new Map<string, Canary>();
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  for (const line of lines) {
    for (const [member, text] of members(JSON.parse(line))) {
      const [name, read] = SECRETS[member] ?? [];
      if (name !== undefined && read !== undefined) found.set(`${name} ${text}`, { name, value: read(text) });
    }
  }
  return [...found.values()];
}

function* members(value: unknown): Iterable<readonly [string, string]> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === 'string') yield [name, member];
    else yield* members(member);
  }
}

function asIs(text: string): string {
  return text;
}
