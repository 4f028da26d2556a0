import { SUBAGENT_STATUSES } from '../../workflows/contract/statuses.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import { durationMs } from './fleet-object.ts';
import type { ParentEnd } from '../library/outcome.ts';
import { leftText } from './left-text.ts';
import { money, oneLine, plural, shorten, span } from './figures.ts';
import { paintStatus, type Paint } from './paint.ts';
import type { Tally } from './tally.ts';

const KINDS_SHOWN = 8;

/** What a person reads when `run` or `watch` ends: state, census, cost, why things failed, and what to do next. */
export function summaryText(
  status: FleetStatus,
  tally: Tally,
  options: { isSimulated: boolean; paint: Paint; left?: ParentEnd },
): string {
  const { paint, isSimulated, left = {} } = options;
  const wave = status.wave ? `, wave ${status.wave.open} of ${status.wave.of}` : '';
  const state = (status.reason ? `${status.state} (${status.reason})` : status.state) + wave;
  const lines = [
    `${paint.bold(status.id)} ${oneLine(status.name)}: ${state}${isSimulated ? ', simulated' : ''}`,
    '',
    ...census(status, paint),
    '',
    cost(status),
    ...(status.approvals ?? []).map(({ title }) => paint.yellow(`  asks: ${shorten(oneLine(title), 110)}`)),
    ...checks(tally, paint),
    ...kinds(tally, paint),
    ...leftText(left, paint),
    '',
    ...nextSteps(status, tally),
  ];
  return `${lines.join('\n')}\n`;
}

function census(status: FleetStatus, paint: Paint): string[] {
  const under = (['running', 'queued', 'waiting', 'parked'] as const).filter((key) => status[key] > 0);
  const rows = [
    ...SUBAGENT_STATUSES.filter((key) => status.census[key] > 0 || key === 'completed').map((key) => {
      return paintStatus(paint, key, `  ${key.padEnd(15)}${String(status.census[key]).padStart(7)}`);
    }),
    ...under.map((key) => `  ${key.padEnd(15)}${String(status[key]).padStart(7)}`),
  ];
  return [...rows, `  ${'in all'.padEnd(15)}${String(status.count).padStart(7)}`];
}

function cost(status: FleetStatus): string {
  const budget = status.budgetMicroUsd === null ? '' : ` of ${money(status.budgetMicroUsd)}`;
  return `  cost ${money(status.spentMicroUsd)}${budget}, time ${span(durationMs(status))}`;
}

/** What `verify` and the guards found, where there is anything to say. */
function checks({ verified: { passed, failed }, toLookAt }: Tally, paint: Paint): string[] {
  const failures = failed === 0 ? 'none failed' : paint.red(`${failed} failed`);
  return [
    ...(passed + failed === 0 ? [] : [`  verified ${passed + failed}: ${failures}`]),
    ...(toLookAt === 0
      ? []
      : [paint.yellow(`  to look at: changes of ${plural(toLookAt, 'subagent')} (muster results)`)]),
  ];
}

function kinds(tally: Tally, paint: Paint): string[] {
  const all = tally.clusters.all;
  if (all.length === 0) return [];
  const rows = all.slice(0, KINDS_SHOWN).map(({ count, signature, type, message, labels }) => {
    const text = shorten(`${type}: ${oneLine(message)}`, 110);
    return `  ${String(count).padStart(6)} × ${text} ${paint.dim(`[${signature}] ${shorten(oneLine(labels.join(', ')), 60)}`)}`;
  });
  const more = all.length > KINDS_SHOWN ? [`  and ${plural(all.length - KINDS_SHOWN, 'other kind')}`] : [];
  return ['', 'why', ...rows, ...more];
}

/** Commands that fit how it stands, each with what it is for. */
export function nextSteps({ id, state, reason, census }: FleetStatus, tally: Tally): string[] {
  const hasFailed = SUBAGENT_STATUSES.some((key) => key !== 'completed' && key !== 'skipped' && census[key] > 0);
  const isOpen = state === 'running' || state === 'paused';
  return [
    ...(reason === 'budget_reached' ? [`muster set ${id} --budget USD   goes on with more money`] : []),
    ...(reason === 'approval' ? [`muster approve ${id}   or muster reject ${id}`] : []),
    ...(state === 'paused' && reason !== 'budget_reached' && reason !== 'approval'
      ? [`muster resume ${id}   once the cause is mended`]
      : []),
    ...(isOpen ? [`muster watch ${id}`] : []),
    `muster results ${id}`,
    ...(tally.changed > 0
      ? [`muster diff ${id}   ${plural(tally.changed, 'subagent')} changed files`, `muster apply ${id}`]
      : []),
    ...(!isOpen && hasFailed ? [`muster retry ${id} --failed`] : []),
  ];
}
