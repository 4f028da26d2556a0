import { expect } from 'vitest';

/** Well-formed by the rules that matter here: tags match, no raw character XML forbids. Returns element names. */
export function readXml(text: string): string[] {
  expect(text).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udfff]/);
  const open: string[] = [];
  const seen: string[] = [];
  const body = text.replace(/^<\?xml .*?\?>\s*/, '');
  for (const [token] of body.matchAll(/<[^>]*>|[^<]+/g)) {
    const tag = /^<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>$/.exec(token);
    if (!tag) {
      expect(token).not.toMatch(/[<>]|&(?!(?:amp|lt|gt|quot|#\d+);)/);
      continue;
    }
    const [, closing, name, , empty] = tag;
    if (closing) expect(open.pop()).toBe(name);
    else {
      seen.push(name!);
      if (!empty) open.push(name!);
    }
  }
  expect(open).toEqual([]);
  return seen;
}
