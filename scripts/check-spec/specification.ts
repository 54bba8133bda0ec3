/** One numbered sentence of the specification. */
export interface Requirement {
  readonly id: string;
  /** The strongest of its RFC 2119 words. */
  readonly level: 'MUST' | 'SHOULD' | 'MAY';
  /** Nothing implements it yet, so no test may claim it. */
  readonly planned: boolean;
  readonly sentence: string;
}

/** The parts of the specification. */
export const SPECIFICATION = [
  'docs/specification.md',
  'docs/specification-host.md',
  'docs/specification-command.md',
  'docs/specification-byok.md',
  'docs/specification-configuration.md',
] as const;

/** The form of an id, wherever one is looked for. */
export const REQUIREMENT_ID = /\bR-[A-Z]+-\d{2,}\b/g;

const REQUIREMENT = /^- \*\*(R-[A-Z]+-\d{2,})\*\*( PLANNED:)? (.+)$/;

/**
 * Reads the requirements of a specification: list items `- **R-AREA-nn** sentence`, or `- **R-AREA-nn** PLANNED: sentence`.
 * Faults of the document itself (an id used twice, an item without one of the words) come back as texts.
 *
 * @param parts - Markdown by file name
 */
export function readSpecification(parts: ReadonlyMap<string, string>): {
  requirements: Requirement[];
  faults: string[];
} {
  const requirements = new Map<string, Requirement>();
  const faults: string[] = [];
  const lines = [...parts].flatMap(([file, markdown]) =>
    markdown.split('\n').map((text, index) => ({ text, where: `${file}, line ${index + 1}` })),
  );
  for (const { text, where } of lines) {
    const match = REQUIREMENT.exec(text);
    if (match === null) {
      // An item that only looks like a requirement would silently lose its check.
      if (/^\s*[-*] \**R-[A-Z]+-\d+/.test(text)) faults.push(`${where}: not in the form "- **R-AREA-nn** sentence"`);
      continue;
    }
    const [, id = '', planned, sentence = ''] = match;
    const level = /\b(MUST|SHOULD|MAY)\b/.exec(sentence)?.[1] as Requirement['level'] | undefined;
    const strongest = /\bMUST\b/.test(sentence) ? 'MUST' : level;
    if (strongest === undefined) faults.push(`${where}: ${id} says neither MUST nor SHOULD nor MAY`);
    else if (requirements.has(id)) faults.push(`${where}: ${id} is used twice`);
    else requirements.set(id, { id, level: strongest, planned: planned !== undefined, sentence });
  }
  return { requirements: [...requirements.values()], faults };
}
