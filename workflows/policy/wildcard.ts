/** A text in which `*` stands for any run of characters, the empty one included: the runs between its stars. */
export type Wildcard = readonly string[];

export function readWildcard(text: string): Wildcard {
  return text.split(/\*+/);
}

/** Time: the text, once for every run at worst. */
export function matchesWildcard(wildcard: Wildcard, text: string): boolean {
  const first = wildcard[0]!;
  if (wildcard.length === 1) return text === first;
  const last = wildcard.at(-1)!;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (let i = 1; i < wildcard.length - 1; i++) {
    const found = text.indexOf(wildcard[i]!, at);
    if (found < 0) return false;
    at = found + wildcard[i]!.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/** Whether every text of `narrow` is one of `wide`; false is no proof of the opposite. Neither holds a NUL. */
export function coversWildcard(wide: Wildcard, narrow: Wildcard): boolean {
  return matchesWildcard(wide, narrow.join('\0'));
}
