import { appendFileSync, statSync } from 'node:fs';
import { SUBAGENT_STATUSES } from '../../../workflows/contract/statuses.ts';
import type { FleetStatus } from '../../../workflows/contract/messages.ts';
import { money, oneLine, plural, shorten, span } from '../figures.ts';
import { durationMs } from '../fleet-object.ts';
import { inline } from '../formats/markdown.ts';
import { nextSteps } from '../summary-text.ts';
import type { Tally } from '../tally.ts';

/** GitHub refuses the summary of a step beyond this, all that was added before included. */
const LIMIT_BYTES = 1_048_576;
const KINDS_SHOWN = 20;
const MESSAGE_CHARS = 300;
const LABELS_CHARS = 200;

/** How a fleet ended, or stands, in Markdown: census, cost, failures by kind, and how to look further. */
export function stepSummary(status: FleetStatus, tally: Tally, isSimulated: boolean): string {
  const { id, name, state, reason, budgetMicroUsd, spentMicroUsd } = status;
  const budget = budgetMicroUsd === null ? '' : ` of ${money(budgetMicroUsd)}`;
  const lines = [
    `### ${inline(shorten(name, LABELS_CHARS))}: ${reason ? `${state} (${reason})` : state}`,
    '',
    `Fleet \`${id}\`${isSimulated ? ', simulated' : ''}, cost ${money(spentMicroUsd)}${budget}, ` +
      `time ${span(durationMs(status))}.`,
    '',
    ...census(status),
    ...kinds(tally),
    '',
    '```sh',
    ...nextSteps(status, tally),
    '```',
    '',
  ];
  return `${lines.join('\n')}\n`;
}

/** Of one that was only started. */
export const startedSummary = (id: string, name: string): string =>
  `### ${inline(shorten(name, LABELS_CHARS))}: started\n\nFleet \`${id}\`.\n\n\`\`\`sh\nmuster watch ${id}\n\`\`\`\n\n`;

function census(status: FleetStatus): string[] {
  const under = (['running', 'queued', 'waiting', 'parked'] as const).filter((key) => status[key] > 0);
  const ended = SUBAGENT_STATUSES.filter((key) => status.census[key] > 0 || key === 'completed');
  const columns = [
    ...ended.map((key) => [key, status.census[key]] as const),
    ...under.map((key) => [key, status[key]] as const),
    ['in all', status.count] as const,
  ];
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [row(columns.map(([key]) => key)), row(columns.map(() => '---:')), row(columns.map(([, count]) => count))];
}

function kinds({ clusters: { all } }: Tally): string[] {
  if (all.length === 0) return [];
  const rows = all.slice(0, KINDS_SHOWN).map(({ count, signature, type, message, labels }) => {
    const which = shorten(oneLine(labels.join(', ')), LABELS_CHARS);
    return `- ${count} × \`${type}\`: ${inline(shorten(message, MESSAGE_CHARS))} (${inline(which)}) \`${signature}\``;
  });
  const more = all.length > KINDS_SHOWN ? [`- and ${plural(all.length - KINDS_SHOWN, 'other kind')}`] : [];
  return ['', ...rows, ...more];
}

/** Adds to what a job shows; undefined: done, else why not, which is no reason for the command to fail. */
export function addToSummary(file: string, text: string): string | undefined {
  try {
    const before = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (before + Buffer.byteLength(text) > LIMIT_BYTES) return 'the step summary is full: 1 MiB is all GitHub takes';
    appendFileSync(file, text);
    return undefined;
  } catch (error) {
    return `the step summary cannot be written: ${error instanceof Error ? error.message : String(error)}`;
  }
}
