/** One numbered sentence of the specification. */
export interface Requirement {
  readonly id: string;
  /** The strongest of its RFC 2119 words. */
  readonly level: 'MUST' | 'SHOULD' | 'MAY';
  /** Nothing implements it yet, so no test may claim it. */
  readonly planned: boolean;
  readonly sentence: string;
  readonly line: number;
}

/** The form of an id, wherever one is looked for. */
export const REQUIREMENT_ID = /\bR-[A-Z]+-\d{2,}\b/g;

const REQUIREMENT = /^- \*\*(R-[A-Z]+-\d{2,})\*\*( PLANNED:)? (.+)$/;

/**
 * Reads the requirements of a specification: list items `- **R-AREA-nn** sentence`, or `- **R-AREA-nn** PLANNED: sentence`.
 * Faults of the document itself (an id used twice, an item without one of the words) come back as texts.
 */
export function readSpecification(markdown: string): { requirements: Requirement[]; faults: string[] } {
  const requirements = new Map<string, Requirement>();
  const faults: string[] = [];
  for (const [index, text] of markdown.split('\n').entries()) {
    const line = index + 1;
    const match = REQUIREMENT.exec(text);
    if (match === null) {
      // An item that only looks like a requirement would silently lose its check.
      if (/^\s*[-*] \**R-[A-Z]+-\d+/.test(text))
        faults.push(`line ${line}: not in the form "- **R-AREA-nn** sentence"`);
      continue;
    }
    const [, id = '', planned, sentence = ''] = match;
    const level = /\b(MUST|SHOULD|MAY)\b/.exec(sentence)?.[1] as Requirement['level'] | undefined;
    const strongest = /\bMUST\b/.test(sentence) ? 'MUST' : level;
    if (strongest === undefined) faults.push(`line ${line}: ${id} says neither MUST nor SHOULD nor MAY`);
    else if (requirements.has(id)) faults.push(`line ${line}: ${id} is used twice`);
    else requirements.set(id, { id, level: strongest, planned: planned !== undefined, sentence, line });
  }
  return { requirements: [...requirements.values()], faults };
}
