import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';

import { formatPath, type ConfigurationProblem } from '../config/configuration-error.ts';

/** A fault of a configuration file, with its line where it has one. */
export interface LocatedProblem extends ConfigurationProblem {
  readonly line?: number | undefined;
}

/** Where in a text its problems are: at their key, or at the nearest key above one that is missing. In the order of lines. */
export function locateProblems(text: string, problems: readonly ConfigurationProblem[]): readonly LocatedProblem[] {
  const lines = linesOfPaths(text);
  const located = problems.map((problem) => {
    const line = /^line (\d+)$/.exec(problem.path)?.[1];
    const found = line === undefined ? nearest(lines, problem.path) : Number(line);
    return found === undefined ? problem : { ...problem, line: found };
  });
  return located.sort((one, other) => lineOf(one) - lineOf(other));
}

function lineOf({ line = 0 }: LocatedProblem): number {
  return line;
}

function nearest(lines: ReadonlyMap<string, number>, path: string): number | undefined {
  const above = [...lines.keys()].filter((known) => path === known || /^[.[]/.test(path.slice(known.length)));
  const closest = above.filter((known) => path.startsWith(known)).sort((one, other) => other.length - one.length)[0];
  return closest === undefined ? undefined : lines.get(closest);
}

function linesOfPaths(text: string): ReadonlyMap<string, number> {
  const counter = new LineCounter();
  const { contents } = parseDocument(text, {
    lineCounter: counter,
    logLevel: 'error',
    prettyErrors: false,
    uniqueKeys: false,
  });
  const lines = new Map<string, number>();
  const pending: { node: unknown; path: readonly PropertyKey[] }[] = [{ node: contents, path: [] }];
  const note = (path: readonly PropertyKey[], offset: number | undefined, node: unknown): void => {
    if (offset !== undefined) lines.set(formatPath(path), counter.linePos(offset).line);
    pending.push({ node, path });
  };
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, path } = next;
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (isScalar(key)) note([...path, String(key.value)], key.range?.[0], value);
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        note([...path, index], (item as { range?: [number, number, number] }).range?.[0], item);
      }
    }
  }
  return lines;
}
