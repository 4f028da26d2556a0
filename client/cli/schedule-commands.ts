import { MICRO_USD } from '../../workflows/contract/limits.ts';
import { endedIn } from '../../workflows/contract/statuses.ts';
import { requireClaude } from '../config.ts';
import { openSchedules, type ScheduleGround } from '../schedule/open-schedules.ts';
import type { Overlap } from '../schedule/overlap.ts';
import type { Firing, ScheduleView } from '../schedule/schedules.ts';
import { checkCron, checkZone } from '../schedule/times.ts';
import type { FleetPlan } from '../spec/plan.ts';
import type { BackfillFlags, CreateFlags } from './commands/schedule.ts';
import { confirmSpending } from './confirmation.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { money, oneLine, shorten, table } from './figures.ts';
import { planOptions, reuseOf, sourceOf } from './load-plan.ts';
import type { PlainFormat } from './output-format.ts';
import { openMuster, openSettings } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Long enough for a restart, too short for a nightly fleet to start at noon. */
const CATCHUP_MS = 3_600_000;
/** Times of day a schedule fires next that are told. */
const NEXT = 3;

/** `muster schedule create`. Throws as `runFleet` does; then there is no schedule. */
export async function createSchedule(file: string | undefined, flags: CreateFlags): Promise<void> {
  const { overlap, jitter = 0, catchup: catchupMs = CATCHUP_MS, simulate, quiet, input } = flags;
  const [cron, timezone, reuse] = [checkCron(flags.cron), checkZone(flags.timezone), reuseOf(flags)];
  const settings = openSettings({ simulate, quiet, input });
  const { config, terminal } = settings;
  await using muster = openMuster(settings);
  const plan = await muster.plan(sourceOf(file, flags), planOptions(flags));
  for (const warning of plan.warnings) terminal.say(`warning: ${warning}`);
  const access = requireClaude(config);
  await confirmSpending({ plan, isSimulated: access.isSimulated, isAgreed: flags.yes === true }, terminal);
  const name = flags.name ?? nameOf(plan);
  await using ground = await openSchedules(config, (line) => terminal.say(line));
  await ground.schedules.mayCreate(name);
  const { draw } = await import('../library/launch.ts');
  const queue = (): Promise<string> => ground.queueOf(access);
  const onTalk = (line: string): void => terminal.say(line);
  const { ref, draft } = await draw(plan, ground, { access, config, reuse, queue, onTalk });
  const view = await ground.schedules.create({
    ...{ name, cron, timezone, overlap, jitterMs: jitter, catchupMs, isPaused: flags.paused === true },
    ...{ draft: ref, fleetName: draft.fleet.name, source: draft.fleet.source },
  });
  if (takesFiles(plan)) terminal.say('every firing works on the files of directories as they are now');
  if (view.next.length === 0) terminal.say(`warning: ${cron} names no time to come: it never fires`);
  if (flags.outputFormat === 'json') return terminal.data(`${JSON.stringify(scheduleObject(view))}\n`);
  const when = view.isPaused ? 'paused' : `next ${view.next.slice(0, NEXT).map(inZone(timezone)).join(', ')}`;
  terminal.data(`${name}: ${cron} (${timezone}), ${when}\n`);
}

/** The fleet's name, as far as a command line takes it without quotes. */
function nameOf({ name }: FleetPlan): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|-+$/g, '')
    .slice(0, 100);
  if (slug) return slug;
  throw new CommandFailure(EXIT.usage, `${JSON.stringify(name)} makes no name of a schedule`, 'give --name NAME');
}

const takesFiles = ({ tasks, script }: FleetPlan): boolean =>
  script !== undefined || tasks.some(({ workspace }) => 'directory' in workspace);

/** `muster schedule list` */
export async function listSchedules(format: PlainFormat): Promise<void> {
  await withSchedules(async ({ schedules }, terminal) => {
    const all = await schedules.list();
    if (format === 'json') return terminal.data(`${JSON.stringify(all.map(scheduleObject))}\n`);
    if (all.length === 0) return terminal.say("there is no schedule yet: `muster schedule create --cron '…' FILE`");
    const rows = all.map(({ name, cron, timezone, overlap, isPaused, note, last, next }) => [
      name,
      cron,
      timezone,
      overlap,
      isPaused
        ? `paused${note ? `: ${shorten(oneLine(note), 40)}` : ''}`
        : next[0]
          ? inZone(timezone)(next[0])
          : 'never',
      last ? inZone(timezone)(last) : '',
    ]);
    terminal.data(`${table([['NAME', 'CRON', 'ZONE', 'OVERLAP', 'NEXT', 'LAST'], ...rows])}\n`);
  });
}

export async function pauseSchedule(name: string, note: string | undefined): Promise<void> {
  await withSchedules(async ({ schedules }, terminal) => {
    await schedules.pause(name, note);
    terminal.say(`${name} is paused: \`muster schedule resume ${name}\``);
  });
}

export async function resumeSchedule(name: string): Promise<void> {
  await withSchedules(async ({ schedules }, terminal) => {
    await schedules.resume(name);
    const { next, timezone } = await schedules.find(name);
    terminal.say(`${name} fires again${next[0] ? `, next ${inZone(timezone)(next[0])}` : ''}`);
  });
}

/** `muster schedule trigger`: prints the fleet it has started. */
export async function triggerSchedule(name: string, overlap: Overlap | undefined, format: PlainFormat): Promise<void> {
  await withSchedules(async ({ schedules }, terminal) => {
    const firing = await schedules.trigger(name, overlap);
    if (firing?.status === 'FAILED') {
      const hint = `what it was created from is gone: muster schedule delete ${name}, and create it anew`;
      throw new CommandFailure(EXIT.internal, `the firing ${firing.workflowId} has failed`, hint);
    }
    const fleet = firing?.fleetId;
    if (format === 'json') return terminal.data(`${JSON.stringify({ schedule: name, fleet: fleet ?? null })}\n`);
    if (fleet === undefined)
      return terminal.say(`${name} will start a fleet once it can: \`muster schedule history ${name}\``);
    terminal.say(`${name} has started fleet ${fleet}: \`muster watch ${fleet}\``);
    terminal.data(`${fleet}\n`);
  });
}

export async function backfillSchedule(name: string, { from, to, overlap }: BackfillFlags): Promise<void> {
  if (from >= to) throw new CommandFailure(EXIT.usage, '--from is not before --to', 'write the earlier time first');
  await withSchedules(async ({ schedules }, terminal) => {
    await schedules.backfill(name, { start: from, end: to, overlap });
    terminal.say(`${name} fires for these times: \`muster schedule history ${name}\``);
  });
}

export async function deleteSchedule(name: string): Promise<void> {
  await withSchedules(async ({ schedules }, terminal) => {
    await schedules.delete(name);
    terminal.say(`${name} is deleted; fleets that it has started go on`);
  });
}

/** `muster schedule history` */
export async function showHistory(name: string, limit: number, format: PlainFormat): Promise<void> {
  await withSchedules(async ({ schedules, client }, terminal) => {
    const firings = await schedules.history(name, limit);
    const told = await Promise.all(firings.map((firing) => tell(firing, client)));
    if (format === 'json') return terminal.data(`${JSON.stringify(told)}\n`);
    if (told.length === 0) return terminal.say(`${name} has started nothing yet`);
    const rows = told.map(({ scheduled_at, fleet, status, ended, count, total_cost_usd }) => [
      scheduled_at,
      fleet ?? '',
      status,
      count === undefined ? '' : `${ended}/${count}`,
      total_cost_usd === undefined ? '' : money(total_cost_usd * MICRO_USD),
    ]);
    terminal.data(`${table([['SCHEDULED', 'FLEET', 'STATUS', 'ENDED', 'COST'], ...rows])}\n`);
  });
}

interface ToldFiring {
  scheduled_at: string;
  started_at: string;
  fleet?: string;
  /** Of the fleet; `removed` by gc, or how the firing itself stands where it has none. */
  status: string;
  reason?: string;
  ended?: number;
  count?: number;
  total_cost_usd?: number;
}

async function tell(firing: Firing, fleets: ScheduleGround['client']): Promise<ToldFiring> {
  const { scheduledAt, startedAt, fleetId } = firing;
  const told = { scheduled_at: scheduledAt.toISOString(), started_at: startedAt.toISOString() };
  if (fleetId === undefined) return { ...told, status: firing.status.toLowerCase() };
  const fleet = await fleets.records.fleet(fleetId);
  if (!fleet) return { ...told, fleet: fleetId, status: 'removed' };
  const { state, reason, census, count, spentMicroUsd } = (await fleets.standing(fleet)).status;
  const figures = { ended: endedIn(census), count, total_cost_usd: spentMicroUsd / MICRO_USD };
  return { ...told, fleet: fleetId, status: state, ...(reason && { reason }), ...figures };
}

function scheduleObject({ name, isPaused, note, next, last, ...told }: ScheduleView): object {
  const { cron, timezone, overlap, jitterMs: jitter_ms, catchupMs: catchup_ms, fleetName, source } = told;
  return {
    ...{ name, cron, timezone, overlap, jitter_ms, catchup_ms, fleet_name: fleetName, source, paused: isPaused },
    ...(isPaused && note && { note }),
    next: next.map((date) => date.toISOString()),
    ...(last && { last: last.toISOString() }),
  };
}

/** `2026-11-27 02:00` on the clocks there. */
function inZone(timeZone: string): (date: Date) => string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return (date) => format.format(date);
}

async function withSchedules(work: (ground: ScheduleGround, terminal: Terminal) => Promise<void>): Promise<void> {
  const { config, terminal } = openSettings();
  await using ground = await openSchedules(config, (line) => terminal.say(line));
  await work(ground, terminal);
}
