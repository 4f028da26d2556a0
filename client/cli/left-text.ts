import type { ParentEnd } from '../library/outcome.ts';
import { printable } from './figures.ts';
import type { Paint } from './paint.ts';

/** Of a long result: enough to see what it is; `json` has the rest. */
const RESULT_CHARS = 4_000;

/** What a script returned or threw, or a parent Claude said last; no lines for a plan. */
export function leftText({ result, error }: ParentEnd, paint: Paint): string[] {
  return [
    ...(error ? ['', paint.red(`${error.type}${placeOf(error)}: ${printable(error.message)}`)] : []),
    ...(result === undefined || result === null ? [] : ['', shortened(printable(textOf(result)))]),
  ];
}

const placeOf = ({ line, column }: NonNullable<ParentEnd['error']>): string =>
  line === undefined ? '' : ` at line ${line}${column === undefined ? '' : `, column ${column}`}`;

const textOf = (result: unknown): string => (typeof result === 'string' ? result : JSON.stringify(result, null, 2));

function shortened(text: string): string {
  const left = text.length - RESULT_CHARS;
  if (left <= 0) return text;
  return `${text.slice(0, RESULT_CHARS)}\n… ${left} more characters: muster results --format json | jq .result`;
}
