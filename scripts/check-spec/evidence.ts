import { REQUIREMENT_ID, type Requirement } from './specification.ts';
import type { TestResult } from './test-results.ts';

const TEST_FILE = /\btest\/[\w./-]+\.test\.ts\b/g;

/**
 * Claims in the text of the specification that do not hold: an id that is no requirement, and a test file named on a line
 * none of whose ids it carries.
 *
 * @param parts - Markdown by file name
 */
export function falseClaims(
  parts: ReadonlyMap<string, string>,
  requirements: readonly Requirement[],
  tests: readonly TestResult[],
): string[] {
  const known = new Set(requirements.map(({ id }) => id));
  const shownBy = idsByFile(tests);
  return [...parts].flatMap(([file, markdown]) =>
    markdown.split('\n').flatMap((text, index) => {
      const where = `${file}, line ${index + 1}`;
      const ids = text.match(REQUIREMENT_ID) ?? [];
      const unknown = ids.filter((id) => !known.has(id)).map((id) => `${where}: ${id} is no requirement`);
      const beside = (text.match(TEST_FILE) ?? []).filter((name) => !ids.some((id) => shownBy.get(name)?.has(id)));
      return [...unknown, ...beside.map((name) => `${where}: ${name} shows no requirement that this line names`)];
    }),
  );
}

function idsByFile(tests: readonly TestResult[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { file, title } of tests) {
    const ids = found.get(file) ?? new Set<string>();
    for (const id of title.match(REQUIREMENT_ID) ?? []) ids.add(id);
    found.set(file, ids);
  }
  return found;
}
