import { randomUUID } from 'node:crypto';

import type { Stage, StageFacts, Trait, Values } from '../../keystore-contract/conformance/stage.ts';
import { CommandError, EXIT_CODES } from './exit-codes.ts';
import { readJsonFile } from './input.ts';

/** How the facts of a stage are written in a file; bytes only by their number. */
const FACTS: Readonly<Record<keyof StageFacts, 'text' | 'mapping' | 'size'>> = {
  key: 'text',
  values: 'mapping',
  missingKey: 'text',
  deniedKey: 'text',
  rsaKey: 'text',
  signingKey: 'text',
  derivedKey: 'text',
  strangerValues: 'mapping',
  mismatchedValues: 'mapping',
  unreachableValues: 'mapping',
  unvisitedValues: 'mapping',
  forbiddenAddressValues: 'mapping',
  missingMountValues: 'mapping',
  otherMountValues: 'mapping',
  missingNamespaceValues: 'mapping',
  management: 'mapping',
  region: 'mapping',
  missingInManagement: 'text',
  missingInRegion: 'text',
  defaultRegion: 'text',
  keyRegion: 'text',
  foreignRegion: 'text',
  oversizedPlaintext: 'size',
};

const TRAITS: Readonly<Record<Trait, true>> = {
  callCertificate: true,
  openBaoAccessData: true,
  deletionDisables: true,
  deletionDestroys: true,
  systemManagedKeys: true,
  noDefaultRegion: true,
  deepHealth: true,
};

const MAX_SIZE = 64 * 1024 * 1024;

/** The stage that a file describes as `{"facts": {…}, "traits": […]}`, around the key. */
export async function readStage(file: string | undefined, key: string): Promise<Stage> {
  const described = file === undefined ? {} : await readJsonFile(file);
  const { facts = {}, traits = [], ...others } = described as { facts?: unknown; traits?: unknown };
  const fail = (what: string): never => {
    throw new CommandError(EXIT_CODES.configuration, `${file ?? 'stage'}: ${what}`);
  };
  for (const name of Object.keys(others)) fail(`${name} is not known`);
  if (!isMapping(facts)) return fail('facts must be an object');
  if (!Array.isArray(traits)) return fail('traits must be a list');
  const unknown = (traits as unknown[]).find((trait) => typeof trait !== 'string' || !Object.hasOwn(TRAITS, trait));
  if (unknown !== undefined) fail(`traits: one of them is not known; there are ${Object.keys(TRAITS).join(', ')}`);
  const read = Object.entries(facts).map(([name, value]) => {
    const form = Object.hasOwn(FACTS, name) ? FACTS[name as keyof StageFacts] : undefined;
    if (form === undefined) fail(`facts.${name} is not known`);
    if (form === 'text' && typeof value !== 'string') fail(`facts.${name} must be a text`);
    if (form === 'mapping' && !isMapping(value)) fail(`facts.${name} must be an object`);
    if (form !== 'size') return [name, value] as const;
    if (!Number.isInteger(value) || Number(value) < 1 || Number(value) > MAX_SIZE) {
      fail(`facts.${name} must be a number of bytes, at most ${MAX_SIZE}`);
    }
    return [name, Buffer.alloc(Number(value))] as const;
  });
  return {
    facts: { values: {} satisfies Values, ...(Object.fromEntries(read) as Partial<StageFacts>), key },
    acts: { newId: () => Promise.resolve(`verify-${randomUUID()}`) },
    traits: traits as Trait[],
  };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
