/** As in a fleet file: people read it in one line of a list. */
const MAX_NAME = 100;

/** A fleet's name made of a text that was not written as one; `fallback` where nothing is left. */
export function fleetName(text: string, fallback: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= MAX_NAME) return line || fallback;
  return `${line.slice(0, MAX_NAME - 1).trimEnd()}…`;
}
