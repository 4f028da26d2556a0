/**
 * Escape sequences of terminals (ECMA-48) and the control characters around them: what a tool found in a file must not
 * move a cursor, set a title or fill a clipboard where someone prints a transcript. A string without an end loses only
 * its first two characters, so nothing hides behind it.
 */
const SEQUENCES = [
  String.raw`(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]`,
  String.raw`(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f\n]*(?:\x07|\x1b\\|\x9c)`,
  String.raw`\x1b[ -/]*[0-~]`,
  String.raw`\r(?=\n)|[\x00-\x08\x0b-\x1f\x7f-\x9f]`,
].join('|');
const CONTROL = new RegExp(SEQUENCES, 'g');

/** The text without control sequences; tabs and line feeds stay. Linear in its length. */
export function withoutControls(text: string): string {
  return text.replace(CONTROL, '');
}

/** At most `limit` UTF-16 units, never half a character; what is missing is said. */
export function cutText(
  text: string,
  limit: number,
  note = (missing: number) => `… [${missing} more characters]`,
): string {
  if (text.length <= limit) return text;
  const isSplit = /[\ud800-\udbff]/.test(text[limit - 1] ?? '');
  const kept = text.slice(0, isSplit ? limit - 1 : limit);
  return kept + note(text.length - kept.length);
}

/** git's own test: a NUL among the first 8,000 bytes. */
export function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 8_000).includes(0);
}

/** Lines without their ends; the last line feed ends a line and starts none. */
export function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

/** `1 file`, `2 files`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}
