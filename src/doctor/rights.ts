import { randomBytes } from 'node:crypto';

import { answerData } from '../openbao/answer.ts';
import { CAPABILITIES_PATH } from '../openbao/paths.ts';
import type { PolicyRule } from '../openbao/provider/policy.ts';
import type { Examination } from './examination.ts';
import { fillNames } from './names.ts';

export type Capability = PolicyRule['capabilities'][number];

/** One right, and how to find out without OpenBao's help whether the token has it. */
export interface Right {
  /** With placeholders; `<x>` is a name that nothing has. */
  readonly path: string;
  readonly capability: Capability;
  /**
   * A request that changes nothing and shows nothing whether or not the right is there: a denial comes before anything else,
   * whatever else is answered means that it is there. Absent: there is no such request.
   */
  readonly attempt?: 'list' | 'empty-write';
}

/** Whether a token has a right; `unknown` where it may not ask and no harmless request tells. */
export type Verdict = 'granted' | 'denied' | 'unknown';

/** What OpenBao needs to be allowed to say what a token may do. */
export const MAY_ASK: readonly PolicyRule[] = [{ path: CAPABILITIES_PATH, capabilities: ['update'] }];

/** A name of which nothing is known anywhere. */
const NOBODY = `doctor-${randomBytes(8).toString('hex')}`;

/** Finds out which of some rights the token has: by asking for all at once, or else by trying one after the other. */
export async function verdictsOn(
  examination: Examination,
  rights: readonly Right[],
  key?: string,
): Promise<readonly (Right & { readonly verdict: Verdict })[]> {
  const names = examination.names(key);
  const named = rights.map((right) => ({ ...right, path: fillNames(right.path, names).replaceAll('<x>', NOBODY) }));
  const told = await capabilitiesOf(examination, named);
  const verdicts: (Right & { readonly verdict: Verdict })[] = [];
  for (const right of named) {
    const capabilities = told?.[right.path];
    verdicts.push({ ...right, verdict: capabilities ? judge(capabilities, right) : await attempt(examination, right) });
  }
  return verdicts;
}

async function capabilitiesOf(
  examination: Examination,
  rights: readonly Right[],
): Promise<Readonly<Record<string, readonly string[]>> | undefined> {
  if (examination.mayNotAskForRights) return undefined;
  const paths = [...new Set(rights.map(({ path }) => path))];
  const answer = await examination.ask({ verb: 'write', path: CAPABILITIES_PATH, body: { paths } });
  if (answer.status === 403) examination.mayNotAskForRights = true;
  const data = answer.status === 200 ? answerData(answer) : undefined;
  if (data === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(data).flatMap(([path, names]) =>
      Array.isArray(names) ? [[path, names.filter((name) => typeof name === 'string')]] : [],
    ),
  );
}

function judge(capabilities: readonly string[], { capability }: Right): Verdict {
  return capabilities.includes(capability) || capabilities.includes('root') ? 'granted' : 'denied';
}

async function attempt(examination: Examination, { attempt: how, path }: Right): Promise<Verdict> {
  if (how === undefined) return 'unknown';
  const request = how === 'list' ? ({ verb: 'list', path } as const) : ({ verb: 'write', path, body: {} } as const);
  const { status } = await examination.ask({ ...request, tries: 'once' });
  if (status === 403) return 'denied';
  // Trouble of the server says nothing of rights, except that OpenBao reports many a caller's mistake so.
  return status === 503 || status === 429 ? 'unknown' : 'granted';
}
