import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { OVERLAPS, overlapOf, type Overlap } from '../../schedule/overlap.ts';
import type { Register } from '../context.ts';
import { plainFormat } from '../options.ts';
import type { PlainFormat } from '../output-format.ts';
import { asMuster, withPlanOptions } from '../plan-options.ts';
import { age, duration, wholeNumber } from '../values.ts';
import type { RunFlags } from './run.ts';

/** What `schedule create` was told; times in milliseconds. */
export interface CreateFlags extends Omit<RunFlags, 'wait' | 'detach' | 'idempotencyKey' | 'outputFormat'> {
  cron: string;
  timezone: string;
  name?: string;
  overlap: Overlap;
  jitter?: number;
  catchup?: number;
  paused?: boolean;
  outputFormat: PlainFormat;
}

export interface BackfillFlags {
  from: Date;
  to: Date;
  overlap: Overlap;
}

type Shown = { outputFormat: PlainFormat };

const EXAMPLES = `
Examples:
  muster schedule create --cron '0 2 * * MON-FRI' --timezone Europe/Berlin nightly.yaml
  muster schedule create --cron '@every 6h' --overlap buffer_one --name search search.yaml --fresh --budget 20
  muster schedule list
  muster schedule trigger nightly
  muster schedule history nightly
  muster schedule pause nightly --note 'until the freeze is over'
  muster schedule backfill nightly --from 2026-11-20 --to 2026-11-23
  muster schedule delete nightly                fleets that it has started go on

A schedule lives in a Temporal service that stays: a cluster's (TEMPORAL_ADDRESS), or the local one of \`muster up\`.`;

const ON_CREATION = `
Each firing is a fleet of its own, over what was read at creation: the file, its parameters, who is eligible and the files
of directories. Repositories given by URL are cloned anew. Results of equal work are taken over, as for \`muster run\`:
--fresh runs everything each time. To change a schedule, delete it and create it anew.

--cron takes minute, hour, day of month, month and day of week; a second in front and a year behind are possible;
@hourly, @daily, @weekly, @monthly, @yearly, @every 6h. --overlap says what happens while a fleet of it is under way:
  skip (Forbid)            nothing starts
  buffer_one, buffer_all   one more, or all that come, start one after the other
  cancel_other (Replace)   that fleet is cancelled first, as by \`muster cancel\`
  terminate_other          that fleet ends where it stands
  allow_all (Allow)        both run`;

export const register: Register = (program: Command) => {
  const schedule = program
    .command('schedule')
    .summary('start fleets by the clock')
    .description('Starts fleets by the clock: create, list, pause, resume, trigger, backfill, history, delete.')
    .addHelpText('after', EXAMPLES)
    // Without a command below it: help, which commander takes for an error.
    .configureOutput({ writeErr: (text) => void process.stdout.write(text) });
  registerCreate(schedule);
  registerSteering(schedule);

  schedule
    .command('list')
    .description('print all schedules, with when they fire next')
    .addOption(plainFormat())
    .action(async ({ outputFormat }: Shown) => (await commands()).listSchedules(outputFormat));

  schedule
    .command('history')
    .description('print the fleets a schedule has started, newest first')
    .addArgument(nameArgument())
    .option('--limit <n>', 'so many', wholeNumber(1_000), 20)
    .addOption(plainFormat())
    .action(async (name: string, { limit, outputFormat }: Shown & { limit: number }) =>
      (await commands()).showHistory(name, limit, outputFormat),
    );
};

function registerCreate(schedule: Command): void {
  const create = schedule
    .command('create')
    .description('start a fleet at times that a cron expression names')
    .argument('[file]', 'fleet.yaml, tasks.json, script.js, the name of a saved script, or - for stdin')
    .requiredOption('--cron <expression>', "when, such as '0 2 * * MON-FRI' or '@every 6h'")
    .option('--timezone <zone>', 'of the expression, such as Europe/Berlin', 'UTC')
    .option('--name <name>', 'of the schedule (default: that of the fleet)', scheduleName)
    .addOption(overlapOption().default('skip'))
    .option('--jitter <duration>', 'start up to so much later, at random', duration)
    .option('--catchup <duration>', 'how late a start may be that was missed while no server ran (default 1h)', age)
    .option('--paused', 'fire nothing before `muster schedule resume`')
    .option('--prompt <text>', 'instead of a file: what a Claude is to do that may spawn subagents');
  withPlanOptions(create)
    .option('--fresh', 'take over no earlier result')
    .option('--reuse', 'take over earlier results of any fleet')
    .option('--simulate', 'a simulated Claude: no credential, no cost')
    .option('--yes', 'create it without asking')
    .addOption(plainFormat())
    .option('--quiet', 'no talk on stderr')
    .option('--no-input', 'never ask')
    .addHelpText('after', ON_CREATION)
    .action(async (file: string | undefined, flags: CreateFlags) =>
      (await commands()).createSchedule(file, asMuster(flags)),
    );
}

function registerSteering(schedule: Command): void {
  schedule
    .command('pause')
    .description('fire no more; what is under way goes on')
    .addArgument(nameArgument())
    .option('--note <text>', 'why, for `muster schedule list`', reason)
    .action(async (name: string, { note }: { note?: string }) => (await commands()).pauseSchedule(name, note));

  schedule
    .command('resume')
    .description('fire again; what was missed is not made up for')
    .addArgument(nameArgument())
    .action(async (name: string) => (await commands()).resumeSchedule(name));

  schedule
    .command('trigger')
    .description('fire now, whatever the cron says, paused or not')
    .addArgument(nameArgument())
    .addOption(overlapOption())
    .addOption(plainFormat())
    .action(async (name: string, { overlap, outputFormat }: Shown & { overlap?: Overlap }) =>
      (await commands()).triggerSchedule(name, overlap, outputFormat),
    );

  schedule
    .command('backfill')
    .description('fire for all times of the cron between two moments')
    .addArgument(nameArgument())
    .requiredOption('--from <time>', 'such as 2026-11-20 or 2026-11-20T02:00:00Z; UTC where no zone is said', moment)
    .requiredOption('--to <time>', 'as --from', moment)
    .addOption(overlapOption().default('buffer_all'))
    .action(async (name: string, flags: BackfillFlags) => (await commands()).backfillSchedule(name, flags));

  schedule
    .command('delete')
    .description('remove a schedule; fleets that it has started go on')
    .addArgument(nameArgument())
    .action(async (name: string) => (await commands()).deleteSchedule(name));
}

const commands = () => import('../schedule-commands.ts');

const nameArgument = (): Argument => new Argument('<name>', 'of a schedule').argParser(scheduleName);

const overlapOption = (): Option =>
  new Option('--overlap <policy>', `while a fleet of it is under way: ${OVERLAPS.join(', ')}`).argParser((text) => {
    const overlap = overlapOf(text);
    if (overlap !== undefined) return overlap;
    throw new InvalidArgumentError(`write one of ${OVERLAPS.join(', ')}, or Forbid, Replace, Allow`);
  });

function scheduleName(text: string): string {
  if (/^[a-z0-9][\w.-]{0,99}$/i.test(text)) return text;
  throw new InvalidArgumentError('write letters, digits, . _ and -, beginning with a letter or digit, at most 100');
}

function reason(text: string): string {
  if (text.trim()) return text;
  throw new InvalidArgumentError('write why');
}

/** ISO 8601; a day, or a time without a zone, is meant in UTC. */
function moment(text: string): Date {
  const isZoned = /^\d{4}-\d\d-\d\d$|(Z|[+-]\d\d:?\d\d)$/i.test(text);
  const date = new Date(/^\d{4}-\d\d-\d\d/.test(text) ? (isZoned ? text : `${text}Z`) : NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError('write a time such as 2026-11-20 or 2026-11-20T02:00:00Z');
}
