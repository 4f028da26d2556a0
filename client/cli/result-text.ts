import type { GuardFinding, Result, Verified } from '../../workflows/contract/task.schema.ts';
import { oneLine, plural, printable, shorten, span } from './figures.ts';
import { paintStatus, type Paint } from './paint.ts';

const INPUT_CHARS = 160;
/** Denials of one kind are many at times: a model tries again. */
const MAX_DENIALS = 20;

/** One result for people, without its transcript. */
export function resultText(result: Result, paint: Paint): string {
  const { label, status, error, output, structured_output, raw_output, schema_errors, changes } = result;
  const said = structured_output === undefined ? output : JSON.stringify(structured_output, null, 2);
  const lines = [
    `${paint.bold(oneLine(label))}: ${paintStatus(paint, status, status)}${result.simulated ? ', simulated' : ''}`,
    `${result.model}, ${result.num_turns} turns, ${span(result.duration_ms)}, $${result.total_cost_usd.toFixed(4)}`,
    ...(result.reused_from ? [`taken over from ${result.reused_from}`] : []),
    ...(error ? [paint.red(`${error.type}: ${printable(error.message)}`)] : []),
    ...(schema_errors ?? []).map((text) => paint.red(`  ${printable(text)}`)),
    ...(changes
      ? [`changed +${changes.insertions} −${changes.deletions}: ${changes.files.map(oneLine).join(', ')}`]
      : []),
    ...(result.verify ?? []).flatMap((verified) => verifiedLines(verified, paint)),
    ...(result.guards ?? []).map((finding) => paint.yellow(`look at ${guardText(finding)}`)),
    ...denialLines(result.permission_denials, paint),
    ...(said === null ? [] : ['', printable(said)]),
    ...(raw_output === undefined ? [] : ['', printable(raw_output)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** `tests failed with exit code 1 after 4.2 s`. */
export function verifiedText({ name, ok, exit_code, duration_ms }: Verified): string {
  const how = exit_code === null ? 'was ended' : `failed with exit code ${exit_code}`;
  return `${oneLine(name)} ${ok ? 'passed' : how} after ${span(duration_ms)}`;
}

/** `tests_deleted in test/a.test.js: 2 test cases fewer`. */
export const guardText = ({ guard, file, detail }: GuardFinding): string =>
  `${guard} in ${oneLine(file)}: ${oneLine(detail)}`;

/** How a passed one looked is of no use; how a failed one ended is. */
function verifiedLines(verified: Verified, paint: Paint): string[] {
  const text = `verify: ${verifiedText(verified)}`;
  if (verified.ok) return [paint.green(text)];
  const tail = printable(verified.tail ?? '').trimEnd();
  return [paint.red(text), ...(tail === '' ? [] : [tail.replace(/^/gm, '    ')])];
}

function denialLines(denials: Result['permission_denials'], paint: Paint): string[] {
  const shown = denials.slice(0, MAX_DENIALS).map(({ tool, input, reason }) => {
    const asked = shorten(oneLine(JSON.stringify(input)), INPUT_CHARS);
    return paint.yellow(`denied ${oneLine(tool)} ${asked}: ${printable(reason)}`);
  });
  const more = denials.length - shown.length;
  return more > 0 ? [...shown, paint.yellow(`and ${plural(more, 'denial')} more`)] : shown;
}
