import { FAILURES } from '../../../workflows/contract/failures.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';
import { guardText, verifiedText } from '../result-text.ts';
import { saidBy, type Format } from './report.ts';

/**
 * One testcase a subagent: failed, timed out and out of budget are failures; stopped and never attempted are errors,
 * since a build must not take them for passed; skipped is skipped. A failed verification's end stands in its failure.
 */
export const junit: Format = function* ({ fleet, results }) {
  const count = (kind: Kind): number => results.filter((result) => kindOf(result) === kind).length;
  const totals = attributes({
    name: fleet.name,
    tests: results.length,
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    time: seconds(fleet.duration_ms),
  });
  yield `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${totals}>\n  <testsuite${totals}>\n`;
  for (const result of results) yield testcase(fleet.name, result);
  yield '  </testsuite>\n</testsuites>\n';
};

type Kind = 'passed' | 'failure' | 'error' | 'skipped';

function kindOf({ status }: Result): Kind {
  switch (status) {
    case 'completed':
      return 'passed';
    case 'failed':
    case 'timed_out':
    case 'budget_reached':
      return 'failure';
    case 'stopped':
    case 'not_attempted':
      return 'error';
    case 'skipped':
      return 'skipped';
  }
}

function testcase(fleet: string, result: Result): string {
  const kind = kindOf(result);
  const head = attributes({ name: result.label, classname: fleet, time: seconds(result.duration_ms) });
  const { type = result.status, message = result.status } = result.error ?? {};
  const said = saidBy(result);
  const tails = (result.verify ?? []).filter(({ ok }) => !ok).map((one) => `${verifiedText(one)}\n${one.tail ?? ''}`);
  const warned = (result.guards ?? []).map(guardText);
  const body = [
    ...(kind === 'failure' || kind === 'error' ? [trouble(kind, attributes({ type, message }), tails)] : []),
    ...(kind === 'skipped' ? [`      <skipped${attributes({ message: skippedText(type, message) })}/>\n`] : []),
    ...(warned.length === 0 ? [] : [`      <system-err>${escaped(warned.join('\n'))}</system-err>\n`]),
    ...(said === '' ? [] : [`      <system-out>${escaped(said)}</system-out>\n`]),
  ];
  return body.length === 0 ? `    <testcase${head}/>\n` : `    <testcase${head}>\n${body.join('')}    </testcase>\n`;
}

const trouble = (kind: Kind, head: string, tails: readonly string[]): string =>
  tails.length === 0 ? `      <${kind}${head}/>\n` : `      <${kind}${head}>${escaped(tails.join('\n\n'))}</${kind}>\n`;

const skippedText = (type: string, message: string): string =>
  type === FAILURES.notEligible ? 'not eligible' : message;

const seconds = (ms: number): string => (ms / 1_000).toFixed(3);

function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(
      ([name, value]) =>
        ` ${name}="${escaped(String(value)).replace(/[\n\r\t]/g, (char) => `&#${char.charCodeAt(0)};`)}"`,
    )
    .join('');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML 1.0 has no way to write most control characters and lone surrogates. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"]/g, (char) => ENTITIES[char]!);
}
