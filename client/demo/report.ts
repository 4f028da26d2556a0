import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { oneLine, plural, span } from '../cli/figures.ts';
import type { ReportedUse } from './fleet-file.ts';
import type { FinishedFleet } from './fleet-run.ts';
import { countUses, totalsOf, type Outcome } from './outcomes.ts';
import { sandboxedText } from './sandboxed-checks.ts';
import { censusText, dollars, parsesText, troubleLines, verifiedText, type EndingOptions } from './table.ts';

export interface ReportFiles {
  report: string;
  raw: string;
}

/** Writes `report.md` for people and `report.json` for programs into `directory`. */
export async function writeReport(
  directory: string,
  fleet: FinishedFleet,
  outcomes: readonly Outcome[],
  { command, noSandbox }: Pick<EndingOptions, 'command' | 'noSandbox'>,
): Promise<ReportFiles> {
  const files = { report: join(directory, 'report.md'), raw: join(directory, 'report.json') };
  await mkdir(directory, { recursive: true });
  const { results, ...head } = fleet;
  const raw = { fleet: head, totals: totalsOf(outcomes), no_sandbox: noSandbox, repositories: outcomes, results };
  await writeFile(files.raw, `${JSON.stringify(raw, null, 2)}\n`);
  await writeFile(files.report, markdown(fleet, outcomes, { command, noSandbox }));
  return files;
}

function markdown(
  fleet: FinishedFleet,
  outcomes: readonly Outcome[],
  { command, noSandbox }: Pick<EndingOptions, 'command' | 'noSandbox'>,
): string {
  const totals = totalsOf(outcomes);
  const troubles = troubleLines(outcomes);
  const models = [...new Set(fleet.results.map(({ model }) => model))].join(', ');
  const costNote = fleet.simulated ? ' (simulated Claude: what real Claude would have cost; nothing was spent)' : '';
  return [
    '# Deprecated Node APIs in installed packages',
    '',
    `- Fleet \`${fleet.id}\`, ${fleet.status}: ${censusText(fleet)}; ${span(fleet.duration_ms)}`,
    `- Model ${models}; cost ${dollars(fleet.total_cost_usd)}${costNote}`,
    `- ${plural(totals.uses, 'use')}, ${totals.migratable} of them migratable, ${totals.migrated} migrated; ` +
      `${plural(totals.changed, 'changed file')}, ${totals.broken === 0 ? 'all in order' : `${totals.broken} not in order`} (\`node --check\`)`,
    `- Verified: ${verifiedText(totals, noSandbox)}`,
    ...(totals.reused > 0 ? [`- ${totals.reused} of ${outcomes.length} results are reused from an earlier run`] : []),
    `- The patch of one repository: \`${command} diff ${fleet.id} LABEL\``,
    '',
    ...(troubles.length > 0 ? ['## Not in order', '', ...troubles.map((line) => `- ${cell(line)}`), ''] : []),
    '## Repositories',
    '',
    '| repository | made of | uses | migratable | migrated | files | parses | in the sandbox | cost |',
    '| --- | --- | ---: | ---: | ---: | ---: | --- | --- | ---: |',
    ...outcomes.map(row),
    '',
    ...outcomes.filter((outcome) => countUses(outcome).uses > 0 || outcome.verification).flatMap(section),
  ].join('\n');
}

function row(outcome: Outcome): string {
  const { uses, migratable, migrated } = countUses(outcome);
  const counts = outcome.answer ? [uses, migratable, migrated] : ['', '', ''];
  const files = outcome.verification?.files.length ?? 0;
  const parses = outcome.status === 'completed' ? parsesText(outcome) : `${parsesText(outcome)} (${outcome.status})`;
  const inSandbox = sandboxedText(outcome.sandboxed);
  return `| ${[outcome.label, outcome.source, ...counts, files, parses, inSandbox, dollars(outcome.costUsd)].join(' | ')} |`;
}

function section({ label, source, answer, reusedFrom }: Outcome): string[] {
  return [
    `### ${label}`,
    '',
    `${source}. ${answer ? cell(answer.summary) : 'No report.'}${reusedFrom === undefined ? '' : ` Reused from ${reusedFrom}.`}`,
    '',
    ...(answer && answer.uses.length > 0
      ? ['| place | API | | why |', '| --- | --- | --- | --- |', ...answer.uses.map(useRow), '']
      : []),
  ];
}

function useRow({ file, line, api, migratable, migrated, note }: ReportedUse): string {
  const end = migrated ? 'migrated' : migratable ? 'migratable' : 'needs a decision';
  return `| ${cell(file)}:${line} | ${cell(api)} | ${end} | ${cell(note)} |`;
}

/** What a model wrote, as text: no row of the table ends early, no HTML or link comes alive. */
const cell = (text: string): string => oneLine(text).replace(/[\\`*_[\]<>|]/g, '\\$&');
