import { describe, expect, it } from 'vitest';
import { CommandFailure } from '../../../client/cli/context.ts';
import { OVERLAPS, asPolicy, overlapOf } from '../../../client/schedule/overlap.ts';
import { checkCron, checkZone, cronFailure } from '../../../client/schedule/times.ts';

function refused(work: () => unknown): CommandFailure {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(CommandFailure);
    expect(error).toMatchObject({ exitCode: 2 });
    return error as CommandFailure;
  }
  throw new Error('it was not refused');
}

describe('a cron expression', () => {
  it.each(['0 2 * * MON-FRI', '@daily', '@every 6h/30m', '*/2 * * * * * *'])('is taken: %s', (cron) => {
    expect(checkCron(` ${cron} `)).toBe(cron);
  });

  it('is refused where the server would read something else into it', () => {
    // It takes 1#2, the second Monday elsewhere, for every Monday.
    expect(refused(() => checkCron('0 12 * * 1#2')).message).toMatch(/1#2.*# is not known/);
    expect(refused(() => checkCron('CRON_TZ=Asia/Tokyo 0 2 * * *')).hint).toMatch(/--timezone/);
  });

  it.each([
    ['Minute is not in range [0-59]', /: minute is not in range \[0-59\]$/],
    ['DayOfWeek is not in range [0-7]', /: day-of-week is not in range/],
    ['DayOfMonth has invalid Step', /: day-of-month has invalid Step/],
    ['CronString does not have 5-7 fields', /: it does not have 5-7 fields/],
  ])('names the field the server finds wrong: %s', (why, message) => {
    const { message: said, hint } = cronFailure('60 * * * *', why);
    expect(said).toMatch(message);
    expect(hint).toMatch(/minute hour day-of-month/);
  });
});

describe('a time zone', () => {
  it.each([
    ['utc', 'UTC'],
    ['europe/berlin', 'Europe/Berlin'],
    ['America/Argentina/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
    ['US/Pacific', 'US/Pacific'],
    ['Etc/GMT+5', 'Etc/GMT+5'],
  ])('is taken: %s', (given, zone) => {
    expect(checkZone(given)).toBe(zone);
  });

  it('is refused with the nearest where there is none such', () => {
    expect(refused(() => checkZone('Europe/Berln')).hint).toBe('did you mean Europe/Berlin?');
    for (const zone of ['CEST-ish', '+02:00', '', 'Mars/Olympus_Mons']) refused(() => checkZone(zone));
  });
});

describe('an overlap policy', () => {
  it('is known by its own name and by that of Kubernetes', () => {
    expect(OVERLAPS.map(overlapOf)).toEqual(OVERLAPS);
    expect(['Forbid', 'Replace', 'Allow'].map(overlapOf)).toEqual(['skip', 'cancel_other', 'allow_all']);
    expect(overlapOf('buffer-one')).toBe('buffer_one');
    expect(overlapOf('queue')).toBeUndefined();
    expect(asPolicy('terminate_other')).toBe('TERMINATE_OTHER');
  });
});
