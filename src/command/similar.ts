const MAX_DISTANCE = 3;
const MAX_SUGGESTIONS = 3;

/** The names that a word was probably meant to be, the likeliest first: few slips away, or a part of them. */
export function similarTo(word: string, names: readonly string[]): readonly string[] {
  return names
    .map((name) => ({ name, distance: distance(word, name) }))
    .filter(({ distance: slips, name }) => isClose(slips, word, name) || (word.length > 3 && name.includes(word)))
    .sort((one, other) => one.distance - other.distance)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ name }) => name);
}

function isClose(slips: number, word: string, name: string): boolean {
  return slips <= MAX_DISTANCE && slips < Math.max(word.length, name.length) / 2;
}

/** Letters to put in, leave out, exchange or swap with their neighbour (optimal string alignment). */
function distance(one: string, other: string): number {
  let before: number[] = [];
  let above = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped = row > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current.push(
        Math.min(
          at(above, column) + 1,
          at(current, column - 1) + 1,
          at(above, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(before, column - 2) + 1 : Infinity,
        ),
      );
    }
    [before, above] = [above, current];
  }
  return at(above, other.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
