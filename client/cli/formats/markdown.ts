import { SUBAGENT_STATUSES } from '../../../workflows/contract/statuses.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';
import { oneLine, printable, shorten, span } from '../figures.ts';
import { guardText, verifiedText } from '../result-text.ts';
import { hasFailed, saidBy, type FleetReport, type Format } from './report.ts';

const CELL_CHARS = 160;
/** Of what a failed verification printed last. */
const TAIL_LINES = 20;

/** For a pull request, a step summary or a person: the census, then a row a subagent, then the failures in words. */
export const markdown: Format = function* (report) {
  const hasVerify = report.results.some(({ verify }) => verify);
  yield head(report);
  yield `\n| Subagent | Status | Result | Changes |${hasVerify ? ' Verified |' : ''} Cost | Time |\n`;
  yield `| --- | --- | --- | --- |${hasVerify ? ' --- |' : ''} ---: | ---: |\n`;
  for (const result of report.results) yield row(result, hasVerify);
  yield* failures(report);
  yield* verifications(report);
  yield* guards(report);
};

function* failures({ results }: FleetReport): Generator<string> {
  const failed = results.filter((result) => hasFailed(result) && result.error);
  if (failed.length > 0) yield '\n## Failures\n\n';
  for (const { label, error } of failed) yield `- **${inline(label)}** \`${error!.type}\`: ${inline(error!.message)}\n`;
}

/** Those that failed, each with how it ended. */
function* verifications({ results }: FleetReport): Generator<string> {
  const failed = results.flatMap(({ label, verify = [] }) =>
    verify.filter(({ ok }) => !ok).map((verified) => ({ label, verified })),
  );
  if (failed.length > 0) yield '\n## Failed verifications\n\n';
  for (const { label, verified } of failed) {
    yield `- **${inline(label)}**: ${inline(verifiedText(verified))}\n`;
    if (verified.tail) yield fenced(shortened(verified.tail));
  }
}

function* guards({ results }: FleetReport): Generator<string> {
  const found = results.flatMap(({ label, guards = [] }) => guards.map((finding) => ({ label, finding })));
  if (found.length > 0) yield '\n## To look at\n\n';
  for (const { label, finding } of found) yield `- **${inline(label)}** ${inline(guardText(finding))}\n`;
}

function head({ fleet }: FleetReport): string {
  const { census, total_cost_usd, duration_ms, simulated } = fleet;
  const state = fleet.reason ? `${fleet.status} (${fleet.reason})` : fleet.status;
  const counts = SUBAGENT_STATUSES.filter((key) => census[key] > 0).map((key) => `${census[key]} ${key}`);
  return [
    `# ${inline(fleet.name)}: ${state}\n\n`,
    `Fleet \`${fleet.id}\`${simulated ? ', simulated' : ''}: ${counts.join(', ') || 'nothing has ended yet'}. `,
    `Cost $${total_cost_usd.toFixed(4)}, time ${span(duration_ms)}.\n`,
  ].join('');
}

function row(result: Result, hasVerify: boolean): string {
  const { label, status, changes, total_cost_usd, duration_ms, error } = result;
  const said = hasFailed(result) && error ? error.message : saidBy(result);
  const changed = changes ? `${changes.files.length} files, +${changes.insertions} −${changes.deletions}` : '';
  const cells = [
    label,
    status,
    shorten(oneLine(said), CELL_CHARS),
    changed,
    ...(hasVerify ? [verifiedCell(result)] : []),
    `$${total_cost_usd.toFixed(4)}`,
    span(duration_ms),
  ];
  return `| ${cells.map(inline).join(' | ')} |\n`;
}

function verifiedCell({ verify }: Result): string {
  if (!verify) return '';
  const failed = verify.filter(({ ok }) => !ok).map(({ name }) => name);
  return failed.length === 0 ? verify.map(({ name }) => name).join(', ') : `failed: ${failed.join(', ')}`;
}

const shortened = (tail: string): string => printable(tail).trimEnd().split('\n').slice(-TAIL_LINES).join('\n');

/** Below a list item; the fence is longer than any inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `\n  ${fence}text\n${text.replace(/^/gm, '  ')}\n  ${fence}\n\n`;
}

/** Text of others inside a table: no pipe, no line break, no HTML. */
export function inline(text: string): string {
  return oneLine(text)
    .replaceAll('\\', '\\\\')
    .replace(/[|*_`[\]<>]/g, (char) => (char === '<' ? '&lt;' : `\\${char}`));
}
