import type { Format } from './report.ts';

/** One result a line. */
export const jsonl: Format = function* ({ results }) {
  for (const result of results) yield `${JSON.stringify(result)}\n`;
};
