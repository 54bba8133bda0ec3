import { z } from 'zod';

import type { ConfigurationProblem } from './configuration-error.ts';

const MAX_REGIONS = 1000;

const name = z.string().min(1).max(255);
// Members that a later CMK may add are let through.
const regionsSchema = z.object({
  regions: z
    .array(z.object({ name, technicalName: z.string().max(255).default('') }))
    .max(MAX_REGIONS)
    .nullable(),
});

// A source reference, as CMK writes it: the value itself, and the members of other sources empty.
const mergedSchema = z.object({ source: z.literal('embedded').default('embedded'), value: z.string() });

/** A region that CMK offers. */
export type SupportedRegion = NonNullable<z.output<typeof regionsSchema>['regions']>[number];

/** What CMK merged into the text, taken apart. */
export interface MergedRegions {
  /** The document without the key. */
  readonly own: unknown;
  readonly regions: SupportedRegion[];
  readonly problems: readonly ConfigurationProblem[];
}

const KEY = 'supportedregions';

/** Takes its list of regions, which CMK merges as one top-level key into the text of every provider entry, out of a document. */
export function takeSupportedRegions(document: unknown): MergedRegions {
  if (typeof document !== 'object' || document === null || !Object.hasOwn(document, KEY)) {
    return { own: document, regions: [], problems: [] };
  }
  const { [KEY]: merged, ...own } = document as Record<string, unknown>;
  const reference = mergedSchema.safeParse(merged);
  if (!reference.success) return faulty(own, KEY, 'must be a mapping with an embedded value');
  const list = regionsSchema.safeParse(parseJson(reference.data.value));
  if (!list.success)
    return faulty(own, `${KEY}.value`, `must be JSON with at most ${MAX_REGIONS} regions, each with a name`);
  return { own, regions: list.data.regions ?? [], problems: [] };
}

function faulty(own: unknown, path: string, message: string): MergedRegions {
  return { own, regions: [], problems: [{ path, message }] };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
