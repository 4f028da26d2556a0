/** Ascending numbers as ranges: thousands in a row are one. */
export function toRanges(ascending: Iterable<number>): [from: number, count: number][] {
  const ranges: [number, number][] = [];
  for (const number of ascending) {
    const last = ranges.at(-1);
    if (last && last[0] + last[1] === number) last[1]++;
    else ranges.push([number, 1]);
  }
  return ranges;
}

export function* inRanges(ranges: readonly (readonly [from: number, count: number])[]): Iterable<number> {
  for (const [from, count] of ranges) for (let number = from; number < from + count; number++) yield number;
}
