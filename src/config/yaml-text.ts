import { isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';

import { ConfigurationError, type ConfigurationProblem } from './configuration-error.ts';

/** Largest configuration text, in bytes. */
export const MAX_CONFIGURATION_BYTES = 1024 * 1024;

const MAX_ALIASES = 100;

const FAULTS: Partial<Record<string, string>> = {
  DUPLICATE_KEY: 'repeats a key',
  MULTIPLE_DOCS: 'starts a second document',
  NON_STRING_KEY: 'has a key that is no text',
  RESOURCE_EXHAUSTION: 'is nested too deeply',
  TAB_AS_INDENT: 'is indented with a tab',
  TAG_RESOLVE_FAILED: 'has an unknown tag',
};

/**
 * Reads one YAML document into plain data; a document without content is undefined.
 *
 * @throws ConfigurationError when the text is too large, is not YAML, repeats a key, or lets aliases multiply.
 */
export function readYaml(text: string): unknown {
  if (Buffer.byteLength(text) > MAX_CONFIGURATION_BYTES) {
    throw new ConfigurationError([{ path: '', message: `must not be larger than ${MAX_CONFIGURATION_BYTES} bytes` }]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    logLevel: 'error',
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false,
  });
  // The parser's messages quote the text; its codes do not.
  const faults = [...document.errors, ...document.warnings].map(({ code, pos }) => ({ code, offset: pos[0] }));
  const problems = [...faults, ...repeatedKeys(document)].map(({ code, offset }) => ({
    path: `line ${lines.linePos(offset).line}`,
    message: FAULTS[code] ?? `is not valid YAML (${code})`,
  }));
  if (problems.length > 0) throw new ConfigurationError(distinct(problems));
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) ?? undefined;
  } catch {
    throw new ConfigurationError([{ path: '', message: 'has an alias without an anchor, or too many aliases' }]);
  }
}

// The parser's own check compares each key with all before it: a minute for a text of this size.
function repeatedKeys(document: Document): { code: string; offset: number }[] {
  const repeated: { code: string; offset: number }[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) repeated.push({ code: 'DUPLICATE_KEY', offset: key.range?.[0] ?? 0 });
        seen.add(key.value);
      }
    },
  });
  return repeated;
}

function distinct(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return [...new Map(problems.map((problem) => [`${problem.path} ${problem.message}`, problem])).values()];
}
