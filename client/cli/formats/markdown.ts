import { SUBAGENT_STATUSES } from '../../../workflows/contract/statuses.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';
import { oneLine, shorten, span } from '../figures.ts';
import { hasFailed, saidBy, type FleetReport, type Format } from './report.ts';

const CELL_CHARS = 160;

/** For a pull request, a step summary or a person: the census, then a row a subagent, then the failures in words. */
export const markdown: Format = function* (report) {
  yield head(report);
  yield '\n| Subagent | Status | Result | Changes | Cost | Time |\n| --- | --- | --- | --- | ---: | ---: |\n';
  for (const result of report.results) yield row(result);
  const failed = report.results.filter((result) => hasFailed(result) && result.error);
  if (failed.length === 0) return;
  yield '\n## Failures\n\n';
  for (const { label, error } of failed) yield `- **${inline(label)}** \`${error!.type}\`: ${inline(error!.message)}\n`;
};

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

function row(result: Result): string {
  const { label, status, changes, total_cost_usd, duration_ms, error } = result;
  const said = hasFailed(result) && error ? error.message : saidBy(result);
  const changed = changes ? `${changes.files.length} files, +${changes.insertions} −${changes.deletions}` : '';
  const cells = [
    label,
    status,
    shorten(oneLine(said), CELL_CHARS),
    changed,
    `$${total_cost_usd.toFixed(4)}`,
    span(duration_ms),
  ];
  return `| ${cells.map(inline).join(' | ')} |\n`;
}

/** Text of others inside a table: no pipe, no line break, no HTML. */
function inline(text: string): string {
  return oneLine(text)
    .replaceAll('\\', '\\\\')
    .replace(/[|*_`[\]<>]/g, (char) => (char === '<' ? '&lt;' : `\\${char}`));
}
