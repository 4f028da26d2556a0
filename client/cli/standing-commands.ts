import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { SUBAGENT_STATUSES } from '../../workflows/contract/statuses.ts';
import { money, oneLine, shorten, span, table } from './figures.ts';
import { durationMs, statusObject } from './fleet-object.ts';
import type { PlainFormat } from './output-format.ts';
import { paintStatus, type Paint } from './paint.ts';
import { withSession } from './session.ts';

/** `muster status` */
export async function showStatus(id: string, format: PlainFormat): Promise<void> {
  await withSession({}, async ({ client, terminal }) => {
    const fleet = await client.find(id);
    const { status } = await client.standing(fleet);
    const more = { isSimulated: fleet.simulated, source: fleet.source };
    if (format === 'json') terminal.data(`${JSON.stringify(statusObject(status, more))}\n`);
    else terminal.data(statusText(status, fleet, terminal.paint));
  });
}

function statusText(status: FleetStatus, fleet: FleetRecord, paint: Paint): string {
  const { census, count, budgetMicroUsd, concurrency, resetAtMs } = status;
  const state = status.reason ? `${status.state} (${status.reason})` : status.state;
  const budget = budgetMicroUsd === null ? '' : ` of ${money(budgetMicroUsd)}`;
  const under = (['running', 'queued', 'waiting', 'parked'] as const).filter((key) => status[key] > 0);
  const rows = [
    ['status', state + (resetAtMs === undefined ? '' : `, goes on ${new Date(resetAtMs).toISOString()}`)],
    ['subagents', `${count}, at most ${concurrency} at once${fleet.simulated ? ', simulated' : ''}`],
    ...under.map((key) => [key, String(status[key])]),
    ...SUBAGENT_STATUSES.filter((key) => census[key] > 0).map((key) => [
      key,
      paintStatus(paint, key, String(census[key])),
    ]),
    ['cost', `${money(status.spentMicroUsd)}${budget}`],
    ['time', span(durationMs(status))],
    ['file', fleet.source],
  ];
  return `${paint.bold(status.id)} ${oneLine(status.name)}\n${table(rows)}\n`;
}

/** `muster list`; what cannot be told at the moment is said to be unknown, never left out. */
export async function listFleets(format: PlainFormat): Promise<void> {
  await withSession({}, async ({ client, terminal }) => {
    const rows: (string | number)[][] = [];
    const objects: object[] = [];
    for await (const { fleet, status } of client.list()) {
      if (format === 'json') objects.push(listed(fleet, status));
      else rows.push(row(fleet, status));
    }
    if (format === 'json') return terminal.data(`${JSON.stringify(objects)}\n`);
    if (rows.length === 0) return terminal.say('there is no fleet yet: `muster run FILE`');
    terminal.data(`${table([['ID', 'NAME', 'STATUS', 'ENDED', 'COST', 'STARTED'], ...rows])}\n`);
  });
}

function listed(fleet: FleetRecord, status: FleetStatus | undefined): object {
  if (status) return statusObject(status, { isSimulated: fleet.simulated, source: fleet.source });
  const { id, name, count, source, startedAtMs } = fleet;
  return { id, name, status: 'unknown', count, source, started_at: new Date(startedAtMs).toISOString() };
}

function row({ id, name, count, startedAtMs }: FleetRecord, status: FleetStatus | undefined): (string | number)[] {
  const started = `${span(Date.now() - startedAtMs)} ago`;
  const shownName = shorten(oneLine(name), 32);
  if (!status) return [id, shownName, 'unknown', `?/${count}`, '', started];
  const ended = Object.values(status.census).reduce((sum, n) => sum + n, 0);
  const state = status.reason ? `${status.state}: ${status.reason}` : status.state;
  return [id, shownName, state, `${ended}/${count}`, money(status.spentMicroUsd), started];
}
