/**
 * Edges as base64 of varints: for each subagent the number of its prerequisites, then their indexes. About 3 bytes an
 * edge, so the largest graph allowed stays under Temporal's payload ceiling. No Buffer: this runs in a workflow too.
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function encodeGraph(prerequisites: readonly (readonly number[])[]): string {
  const bytes: number[] = [];
  const push = (value: number): void => {
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
    bytes.push(value);
  };
  for (const list of prerequisites) {
    push(list.length);
    list.forEach(push);
  }
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const triple = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += ALPHABET[(triple >> 18) & 63]! + ALPHABET[(triple >> 12) & 63]!;
    text +=
      (i + 1 < bytes.length ? ALPHABET[(triple >> 6) & 63]! : '=') +
      (i + 2 < bytes.length ? ALPHABET[triple & 63]! : '=');
  }
  return text;
}

export function decodeGraph(text: string, count: number): number[][] {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i += 4) {
    const at = (offset: number): number => Math.max(0, ALPHABET.indexOf(text[i + offset] ?? 'A'));
    const triple = (at(0) << 18) | (at(1) << 12) | (at(2) << 6) | at(3);
    bytes.push((triple >> 16) & 255);
    if (text[i + 2] !== '=') bytes.push((triple >> 8) & 255);
    if (text[i + 3] !== '=') bytes.push(triple & 255);
  }
  let position = 0;
  const next = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[position++] ?? 0;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  return Array.from({ length: count }, () => Array.from({ length: next() }, next));
}
