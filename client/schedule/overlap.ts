import type { ScheduleOverlapPolicy } from '@temporalio/client';

/** What happens when a firing comes while the fleet of one before is under way. */
export const OVERLAPS = ['skip', 'buffer_one', 'buffer_all', 'cancel_other', 'terminate_other', 'allow_all'] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** As Kubernetes' CronJobs call them. */
const ELSEWHERE: Readonly<Record<string, Overlap>> = {
  forbid: 'skip',
  replace: 'cancel_other',
  allow: 'allow_all',
};

/** Of a name as people write it; undefined: there is none such. */
export function overlapOf(text: string): Overlap | undefined {
  const name = text.toLowerCase().replaceAll('-', '_');
  return ELSEWHERE[name] ?? OVERLAPS.find((overlap) => overlap === name);
}

export const asPolicy = (overlap: Overlap): ScheduleOverlapPolicy => overlap.toUpperCase() as Uppercase<Overlap>;
