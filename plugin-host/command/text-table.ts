import { printable } from './printable.ts';

/** Rows under a head, in columns as wide as they need; the last one is cut where the line ends. */
export function textTable(head: readonly string[], cells: readonly (readonly string[])[], width: number): string[] {
  const rows = cells.map((row) => row.map(printable));
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows].map((row) => {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
    const trimmed = line.trimEnd();
    return trimmed.length > width ? `${trimmed.slice(0, Math.max(width - 1, 1))}…` : trimmed;
  });
}
