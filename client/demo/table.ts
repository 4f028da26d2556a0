import { SUBAGENT_STATUSES } from '../../workflows/contract/statuses.ts';
import { MICRO_USD } from '../../workflows/contract/limits.ts';
import { money, oneLine, shorten, span, table } from '../cli/figures.ts';
import type { Paint } from '../cli/paint.ts';
import type { FinishedFleet } from './fleet-run.ts';
import { brokenFiles, countUses, totalsOf, type Outcome, type Totals } from './outcomes.ts';
import { sandboxedText } from './sandboxed-checks.ts';

const TROUBLES_SHOWN = 10;
/** Labels written out of those that share a cause. */
const NAMED = 3;
const HEAD = ['repository', 'uses', 'migratable', 'migrated', 'files', 'parses', 'in the sandbox', 'cost'];

/** One row a repository, those with most to do last, where a terminal still shows them; then the sum. */
export function outcomeTable(outcomes: readonly Outcome[], paint: Paint): string {
  const sorted = outcomes
    .map((outcome) => ({ outcome, counts: countUses(outcome) }))
    .sort((a, b) => a.counts.migrated - b.counts.migrated || a.counts.uses - b.counts.uses)
    .map(({ outcome }) => outcome);
  const { uses, migratable, migrated, changed, broken, verified, unverified, costUsd } = totalsOf(outcomes);
  const parses = broken > 0 ? `NO: ${broken}` : changed > 0 ? 'yes' : '-';
  const inSandbox = unverified > 0 ? `NO: ${unverified}` : verified > 0 ? `verified ${verified}` : '';
  const sum = [`${outcomes.length} in all`, uses, migratable, migrated, changed, parses, inSandbox, exact(costUsd)];
  const [head = '', ...lines] = table([HEAD, ...sorted.map(rowOf), sum]).split('\n');
  const last = lines.pop() ?? '';
  const painted = lines.map((line, i) => paintRow(line, sorted[i]!, paint));
  return [paint.dim(head), ...painted, paint.bold(last)].join('\n');
}

function rowOf(outcome: Outcome): (string | number)[] {
  const { uses, migratable, migrated } = countUses(outcome);
  const counts = outcome.answer ? [uses, migratable, migrated] : ['', '', ''];
  const checks = [parsesText(outcome), sandboxedText(outcome.sandboxed)];
  return [outcome.label, ...counts, filesOf(outcome), ...checks, exact(outcome.costUsd)];
}

/** Of one subagent: mostly cents, so with a tenth of one. */
const exact = (usd: number): string => `$${usd.toFixed(3)}`;

const filesOf = ({ verification }: Outcome): number => verification?.files.length ?? 0;

/** `yes`, `-` where nothing changed, else how many files are broken. */
export function parsesText({ verification }: Outcome): string {
  if (!verification) return '-';
  if (verification.error !== undefined) return 'NOT APPLIED';
  const broken = brokenFiles(verification);
  return broken === 0 ? 'yes' : `NO: ${broken} of ${verification.files.length}`;
}

function paintRow(line: string, outcome: Outcome, paint: Paint): string {
  const text = outcome.status === 'completed' ? line : `${line}  ${outcome.status}`;
  if (outcome.status !== 'completed' || (outcome.verification && brokenFiles(outcome.verification) > 0))
    return paint.red(text);
  return countUses(outcome).uses === 0 ? paint.dim(text) : text;
}

/** What went wrong: files that do not parse, patches that do not apply, and, a line each cause, who did not complete. */
export function troubleLines(outcomes: readonly Outcome[]): string[] {
  const files = outcomes.flatMap(({ label, verification, sandboxed }) => [
    ...(verification?.error === undefined ? [] : [`${label}: ${oneLine(verification.error)}`]),
    ...(verification?.files ?? [])
      .filter(({ ok }) => !ok)
      .map(({ path, error = '' }) => `${label}: ${path} does not parse any more: ${oneLine(error)}`),
    ...(sandboxed?.broken ?? []).map((path) => `${label}: ${oneLine(path)} does not hold any more in the sandbox`),
  ]);
  const incomplete = outcomes.filter(({ status }) => status !== 'completed');
  const causes = Map.groupBy(incomplete, ({ status, error }) =>
    [status, oneLine(error ?? '')].filter(Boolean).join(': '),
  );
  return [...files, ...[...causes].map(([cause, ends]) => `${names(ends.map(({ label }) => label))}: ${cause}`)];
}

const names = (labels: readonly string[]): string =>
  labels.length <= NAMED ? labels.join(', ') : `${labels.slice(0, NAMED).join(', ')} and ${labels.length - NAMED} more`;

export const censusText = ({ census }: Pick<FinishedFleet, 'census'>): string =>
  SUBAGENT_STATUSES.map((status) => [census[status], status] as const)
    .filter(([count, status]) => count > 0 || status === 'completed' || status === 'failed')
    .map(([count, status]) => `${count} ${status}`)
    .join(' · ');

export interface EndingOptions {
  durationMs: number;
  /** Paths as the reader may type them. */
  report: string;
  raw: string;
  /** `npx muster` or whatever runs it here. */
  command: string;
  /** Why nothing was verified in a sandbox; undefined: it was. */
  noSandbox: string | undefined;
}

/** What stands under the table. */
export function endingText(
  fleet: FinishedFleet,
  outcomes: readonly Outcome[],
  options: EndingOptions,
  paint: Paint,
): string {
  const totals = totalsOf(outcomes);
  const troubles = troubleLines(outcomes);
  const cost = `${dollars(fleet.total_cost_usd)}${fleet.simulated ? ' as real Claude would have cost; simulated, nothing was spent' : ''}`;
  const best = outcomes
    .filter(({ verification }) => verification)
    .sort((a, b) => countUses(b).migrated - countUses(a).migrated)[0];
  return [
    ...troubles.slice(0, TROUBLES_SHOWN).map((line) => paint.red(shorten(line, 200))),
    ...(troubles.length > TROUBLES_SHOWN
      ? [paint.red(`and ${troubles.length - TROUBLES_SHOWN} more, see the report`)]
      : []),
    ...(troubles.length > 0 ? [''] : []),
    ...rows([
      ['census', censusText(fleet)],
      ['cost', cost],
      ['time', `${span(options.durationMs)} in all, ${span(fleet.duration_ms)} of it the fleet`],
      ['verified', verifiedText(totals, options.noSandbox)],
      ...(totals.reused > 0 ? [['reused', reusedText(totals.reused, outcomes.length)] as const] : []),
      ['report', options.report],
      ['raw data', options.raw],
      ...(best ? [['a diff', paint.bold(`${options.command} diff ${fleet.id} ${best.label}`)] as const] : []),
      ['what it said', `${options.command} show ${fleet.id} ${(best ?? outcomes[0])?.label ?? 'LABEL'}`],
    ]),
  ].join('\n');
}

/** How far a reader may trust the changes. */
export function verifiedText({ verified, tested, unverified }: Totals, noSandbox: string | undefined): string {
  if (noSandbox !== undefined) return `not in a sandbox (${noSandbox}); changed files were parsed on this machine`;
  const parts = [
    `${verified === 1 ? '1 repository' : `${verified} repositories`} in the sandbox: each changed file parsed`,
    ...(tested > 0 ? [`tests of their own passed as before in ${tested}`] : []),
    ...(unverified > 0 ? [`${unverified} failed`] : []),
  ];
  return parts.join('; ');
}

const reusedText = (reused: number, count: number): string =>
  `${reused === count ? `all ${count}` : `${reused} of ${count}`} results come from an earlier run, since nothing they depend on ` +
  'has changed; npm start -- --fresh has the work done again';

const rows = (pairs: readonly (readonly [string, string])[]): string[] =>
  pairs.map(([name, value]) => `${name.padEnd(13)} ${value}`);

export const dollars = (usd: number): string => money(Math.round(usd * MICRO_USD));
