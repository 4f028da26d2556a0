import { SUBAGENT_STATUSES } from '../../../workflows/contract/statuses.ts';
import type { FleetStatus } from '../../../workflows/contract/messages.ts';
import { money, oneLine, shorten, span } from '../figures.ts';
import { paintStatus, type Paint } from '../paint.ts';
import type { ProgressModel, ShownPhase } from './progress-model.ts';

export interface ScreenSize {
  columns: number;
  rows: number;
}

/**
 * One screen, whatever the number of subagents: counts, money, pace, the slowest, the latest failures and what kinds
 * they are. No line is wider than the terminal and there are fewer lines than it has rows, so that a redraw never scrolls.
 */
export function renderScreen(model: ProgressModel, size: ScreenSize, nowMs: number, paint: Paint): string {
  const { status } = model;
  if (!status) return fit(model.trouble ? 'waiting for the fleet’s server and worker …' : 'starting …', size);
  const width = Math.max(20, size.columns - 1);
  const head = [title(status, paint, width), bar(model, status, width, paint), ...counts(status, width, paint)];
  const money = [pace(model, status, nowMs, width)];
  const trouble = model.trouble
    ? [paint.yellow(shorten('server or worker are away; bringing them back …', width))]
    : [];
  let left = Math.max(0, size.rows - 2 - head.length - money.length - trouble.length);
  const sections: string[] = [];
  for (const section of [
    phases(model, width, paint),
    said(model, width, paint),
    slowest(model, nowMs, width, paint),
    latest(model, width, paint),
    kinds(model, width, paint),
  ]) {
    const shown = section.slice(0, Math.min(section.length, left));
    if (shown.length < 2) continue; // a heading alone says nothing
    sections.push(...shown);
    left -= shown.length;
  }
  return [...head, ...money, ...trouble, ...sections].join('\n');
}

const fit = (text: string, { columns }: ScreenSize): string => shorten(text, Math.max(20, columns - 1));

function title(status: FleetStatus, paint: Paint, width: number): string {
  const wave = status.wave ? `, wave ${status.wave.open} of ${status.wave.of}` : '';
  const state = (status.reason ? `${status.state}: ${status.reason}` : status.state) + wave;
  const reset = status.resetAtMs === undefined ? '' : ` until ${new Date(status.resetAtMs).toLocaleTimeString()}`;
  const text = shorten(`${status.id}  ${oneLine(status.name)}  ${state}${reset}`, width);
  return text
    .replace(status.id, paint.bold(status.id))
    .replace(state, status.state === 'paused' ? paint.yellow(state) : state);
}

function bar(model: ProgressModel, status: FleetStatus, width: number, paint: Paint): string {
  const tail = ` ${model.ended}/${status.count}`;
  const cells = Math.max(5, Math.min(60, width - tail.length));
  const cell = (count: number): number => Math.floor((cells * count) / Math.max(1, status.count));
  const good = cell(status.census.completed + status.census.skipped);
  const bad = cell(model.ended) - good;
  return paint.green('█'.repeat(good)) + paint.red('█'.repeat(bad)) + paint.dim('░'.repeat(cells - good - bad)) + tail;
}

function counts(status: FleetStatus, width: number, paint: Paint): string[] {
  const under = (['running', 'queued', 'waiting', 'parked'] as const)
    .filter((key) => status[key] > 0 || key === 'running')
    .map((key) => `${status[key]} ${key}`);
  const ended = SUBAGENT_STATUSES.filter((key) => status.census[key] > 0 || key === 'completed');
  const paintedEnds = joinWithin(
    ended.map((key) => [`${status.census[key]} ${key}`, (text) => paintStatus(paint, key, text)]),
    width,
  );
  return [
    joinWithin(
      under.map((text) => [text, (same) => same]),
      width,
    ),
    paintedEnds,
  ];
}

/** Joined by dots as long as it fits the width, painted afterwards: colours have no width. */
function joinWithin(parts: readonly [text: string, paint: (text: string) => string][], width: number): string {
  let used = 0;
  const shown: string[] = [];
  for (const [text, painted] of parts) {
    if (used + text.length + 3 > width && shown.length > 0) break;
    used += text.length + 3;
    shown.push(painted(shorten(text, width)));
  }
  return shown.join(' · ');
}

function pace(model: ProgressModel, status: FleetStatus, nowMs: number, width: number): string {
  const budget = status.budgetMicroUsd === null ? '' : ` of ${money(status.budgetMicroUsd)}`;
  const rate = model.perSecond(nowMs);
  const eta = model.etaMs(nowMs);
  const parts = [
    `${money(status.spentMicroUsd)}${budget}`,
    ...(rate === undefined ? [] : [rate >= 1 ? `${rate.toFixed(1)}/s` : `${(rate * 60).toFixed(1)}/min`]),
    span(nowMs - status.startedAtMs),
    ...(eta === undefined ? [] : [`about ${span(eta)} left`]),
  ];
  return shorten(parts.join(' · '), width);
}

const PHASES_SHOWN = 5;

/** The newest of a script's phases. */
function phases(model: ProgressModel, width: number, paint: Paint): string[] {
  const rows = model.phases.slice(-PHASES_SHOWN);
  if (rows.length === 0)
    return model.phase === undefined ? [] : [paint.dim('phases'), shorten(`  ${oneLine(model.phase)}`, width)];
  const line = ({ name, ended, running }: ShownPhase): string => {
    const counts = [`${ended} ended`, ...(running > 0 ? [`${running} running`] : [])].join(', ');
    return shorten(`  ${oneLine(name)}  ${counts}`, width);
  };
  return [paint.dim('phases'), ...rows.map(line)];
}

function said(model: ProgressModel, width: number, paint: Paint): string[] {
  if (model.lines.length === 0) return [];
  return [paint.dim('script'), ...model.lines.map((text) => shorten(`  ${oneLine(text)}`, width))];
}

function slowest(model: ProgressModel, nowMs: number, width: number, paint: Paint): string[] {
  const rows = model.slowest(3);
  if (rows.length === 0) return [];
  return [
    paint.dim('longest at work'),
    ...rows.map(({ label, startedAtMs }) =>
      shorten(`  ${span(nowMs - startedAtMs).padStart(8)}  ${oneLine(label)}`, width),
    ),
  ];
}

function latest(model: ProgressModel, width: number, paint: Paint): string[] {
  const rows = model.failures.slice(-3).reverse();
  if (rows.length === 0) return [];
  return [
    paint.dim('latest failures'),
    ...rows.map(({ label, text, status }) =>
      paintStatus(paint, status, shorten(`  ${oneLine(label)}  ${oneLine(text)}`, width)),
    ),
  ];
}

function kinds(model: ProgressModel, width: number, paint: Paint): string[] {
  const { all } = model.clusters;
  if (all.length === 0) return [];
  return [
    paint.dim('failures by kind'),
    ...all
      .slice(0, 5)
      .map(({ count, type, message }) =>
        shorten(`  ${String(count).padStart(6)} × ${type}: ${oneLine(message)}`, width),
      ),
    ...(all.length > 5 ? [shorten(`  and ${all.length - 5} other kinds`, width)] : []),
  ];
}
