/** Thousands in a row are one. */
export type IndexRange = [from: number, count: number];

/** Ranges that hold these indexes too; sorted, none touches another. */
export function withIndexes(ranges: readonly IndexRange[], indexes: Iterable<number>): IndexRange[] {
  const all = [...ranges, ...Array.from(indexes, (index): IndexRange => [index, 1])].sort(([a], [b]) => a - b);
  const joined: IndexRange[] = [];
  for (const [from, count] of all) {
    const last = joined.at(-1);
    if (last && from <= last[0] + last[1]) last[1] = Math.max(last[1], from + count - last[0]);
    else joined.push([from, count]);
  }
  return joined;
}

export function holds(ranges: readonly IndexRange[], index: number): boolean {
  return ranges.some(([from, count]) => index >= from && index < from + count);
}

export function* inRanges(ranges: readonly IndexRange[]): Iterable<number> {
  for (const [from, count] of ranges) for (let index = from; index < from + count; index++) yield index;
}
