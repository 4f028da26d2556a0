import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { SUBAGENT_STATUSES, UNIT_LETTERS } from '../../workflows/contract/statuses.ts';
import type { ResultReader } from '../fleet-client/result-reader.ts';
import { money, oneLine, shorten, span, table } from './figures.ts';
import { durationMs, statusObject } from './fleet-object.ts';
import type { PlainFormat } from './output-format.ts';
import { paintStatus, type Paint } from './paint.ts';
import { withSession } from './session.ts';

/** Results of failed subagents that `status` reads, to tell why: a second or so. */
const MAX_FAILED_READ = 2_000;

/** `muster status` */
export async function showStatus(id: string, format: PlainFormat): Promise<void> {
  await withSession({}, async ({ client, terminal }) => {
    const fleet = await client.find(id);
    const standing = await client.standing(fleet);
    const { status } = standing;
    const verifyFailed = await countVerifyFailed(client.reader(fleet, standing), standing.progress.units);
    const more = { isSimulated: fleet.simulated, source: fleet.source };
    const object = { ...statusObject(status, more), verify_failed: verifyFailed };
    if (format === 'json') terminal.data(`${JSON.stringify(object)}\n`);
    else terminal.data(statusText(status, fleet, verifyFailed, terminal.paint));
  });
}

/** Of those that failed, up to `MAX_FAILED_READ`, how many failed their verification; undefined: too many to read. */
async function countVerifyFailed(reader: ResultReader, units: string): Promise<number | undefined> {
  const failed = [...units].flatMap((letter, index) => (letter === UNIT_LETTERS.failed ? [index] : []));
  if (failed.length > MAX_FAILED_READ) return undefined;
  const ended = await reader.some(failed);
  return ended.filter(({ result }) => result.verify?.some(({ ok }) => !ok)).length;
}

function statusText(status: FleetStatus, fleet: FleetRecord, verifyFailed: number | undefined, paint: Paint): string {
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
    ...(verifyFailed ? [['verify', paint.red(`failed in ${verifyFailed} of those`)]] : []),
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
