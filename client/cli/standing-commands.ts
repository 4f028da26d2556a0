import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { endedIn, SUBAGENT_STATUSES } from '../../workflows/contract/statuses.ts';
import { readFailures, type Failures } from './failures.ts';
import { money, oneLine, shorten, span, table } from './figures.ts';
import { durationMs, statusObject } from './fleet-object.ts';
import type { PlainFormat } from './output-format.ts';
import { paintStatus, type Paint } from './paint.ts';
import { withReading } from './session.ts';

const KINDS_SHOWN = 3;

/** `muster status` */
export async function showStatus(id: string, format: PlainFormat): Promise<void> {
  await withReading(async ({ fleets, terminal }) => {
    const fleet = await fleets.find(id);
    const standing = await fleets.standing(fleet);
    const { status } = standing;
    const failures = await readFailures(fleets.reader(fleet, standing), standing.progress.units);
    if (format === 'json') terminal.data(`${JSON.stringify({ ...statusObject(status, fleet), ...failures })}\n`);
    else terminal.data(statusText(status, fleet, failures, terminal.paint));
  });
}

function statusText(status: FleetStatus, fleet: FleetRecord, failures: Failures, paint: Paint): string {
  const { census, count, budgetMicroUsd, concurrency, resetAtMs, wave, approvals = [] } = status;
  const state = status.reason ? `${status.state} (${status.reason})` : status.state;
  const budget = budgetMicroUsd === null ? '' : ` of ${money(budgetMicroUsd)}`;
  const under = (['running', 'queued', 'waiting', 'parked'] as const).filter((key) => status[key] > 0);
  const rows = [
    ['status', state + (resetAtMs === undefined ? '' : `, goes on ${new Date(resetAtMs).toISOString()}`)],
    ...(wave ? [['wave', `${wave.open} of ${wave.of}`]] : []),
    ...approvals.map(({ title }) => ['asks', paint.yellow(shorten(oneLine(title), 100))]),
    [
      'subagents',
      `${count}${spawned(count, fleet)}, at most ${concurrency} at once${fleet.simulated ? ', simulated' : ''}`,
    ],
    ...under.map((key) => [key, String(status[key])]),
    ...SUBAGENT_STATUSES.filter((key) => census[key] > 0).map((key) => [
      key,
      paintStatus(paint, key, String(census[key])),
    ]),
    ...(failures.verify_failed ? [['verify', paint.red(`failed in ${failures.verify_failed} of those`)]] : []),
    ...failures.failures
      .slice(0, KINDS_SHOWN)
      .map(({ count, signature, type, message }) => [
        'why',
        `${count} × ${shorten(`${type}: ${oneLine(message)}`, 90)} ${paint.dim(`[${signature}]`)}`,
      ]),
    ['cost', `${money(status.spentMicroUsd)}${budget}`],
    ['time', span(durationMs(status))],
    ...(fleet.schedule ? [['schedule', fleet.schedule.name]] : []),
    ...(fleet.source === '-' ? [] : [['file', fleet.source]]),
  ];
  return `${paint.bold(status.id)} ${oneLine(status.name)}\n${table(rows)}\n`;
}

const spawned = (count: number, fleet: FleetRecord): string =>
  count > fleet.count && fleet.kind !== 'script' ? `, ${count - fleet.count} of them spawned` : '';

/** `muster list`; what cannot be told at the moment is said to be unknown, never left out. */
export async function listFleets(format: PlainFormat): Promise<void> {
  await withReading(async ({ fleets, terminal }) => {
    const rows: (string | number)[][] = [];
    const objects: object[] = [];
    for await (const { fleet, status } of fleets.list()) {
      if (format === 'json') objects.push(listed(fleet, status));
      else rows.push(row(fleet, status));
    }
    if (format === 'json') return terminal.data(`${JSON.stringify(objects)}\n`);
    if (rows.length === 0) return terminal.say('there is no fleet yet: `muster run FILE`');
    terminal.data(`${table([['ID', 'NAME', 'STATUS', 'ENDED', 'COST', 'STARTED'], ...rows])}\n`);
  });
}

function listed(fleet: FleetRecord, status: FleetStatus | undefined): object {
  if (status) return statusObject(status, fleet);
  const { id, name, count, source, startedAtMs } = fleet;
  return { id, name, status: 'unknown', count, source, started_at: new Date(startedAtMs).toISOString() };
}

function row({ id, name, count, startedAtMs }: FleetRecord, status: FleetStatus | undefined): (string | number)[] {
  const started = `${span(Date.now() - startedAtMs)} ago`;
  const shownName = shorten(oneLine(name), 32);
  if (!status) return [id, shownName, 'unknown', `?/${count}`, '', started];
  const ended = endedIn(status.census);
  const { wave } = status;
  const state =
    (status.reason ? `${status.state}: ${status.reason}` : status.state) + (wave ? ` ${wave.open}/${wave.of}` : '');
  return [id, shownName, state, `${ended}/${status.count}`, money(status.spentMicroUsd), started];
}
