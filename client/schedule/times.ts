import { CommandFailure } from '../cli/context.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { nearestName } from '../fleet-client/labels.ts';

export const CRON_HINT =
  "write minute hour day-of-month month day-of-week, such as '0 2 * * MON-FRI', or '@daily', or '@every 6h'";

/**
 * Refuses what the server would take for something else: it reads `#` as the start of a remark, and a zone in the text
 * would contradict --timezone. All else the server judges (`cronFailure`).
 */
export function checkCron(cron: string): string {
  const text = cron.trim();
  if (text.includes('#')) throw refuse(cron, '# is not known', CRON_HINT);
  if (/TZ=/i.test(text)) throw refuse(cron, 'it names a time zone', 'write it without, and --timezone ZONE');
  return text;
}

/** What the server found wrong with it, which names the field: `Minute is not in range [0-59]`. */
export function cronFailure(cron: string, why: string): CommandFailure {
  const field = why.replace(/^CronString/, 'it').replace(/^(Second|Minute|Hour|DayOf\w+|Month|Year)\b/, (name) => {
    return name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
  });
  return refuse(cron, field, CRON_HINT);
}

const refuse = (cron: string, why: string, hint: string): CommandFailure =>
  new CommandFailure(EXIT.usage, `--cron ${JSON.stringify(cron)}: ${why}`, hint);

/** The zone as its database spells it. Throws `CommandFailure` 2 with the nearest. */
export function checkZone(zone: string): string {
  if (/^utc$/i.test(zone)) return 'UTC';
  const known = Intl.supportedValuesOf('timeZone');
  const found = known.find((name) => name.toLowerCase() === zone.toLowerCase());
  if (found) return found;
  // Older names of a zone are none of the list, and known all the same.
  if (/^[A-Z][\w+-]*\/[\w+/-]+$/.test(zone) && isZone(zone)) return zone;
  const near = nearestName(zone, known);
  const hint = near === undefined ? 'write a name such as Europe/Berlin or UTC' : `did you mean ${near}?`;
  throw new CommandFailure(EXIT.usage, `--timezone ${zone}: there is no such time zone`, hint);
}

function isZone(zone: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }));
  } catch {
    return false;
  }
}
