import type { Result } from '../../../workflows/contract/task.schema.ts';
import type { FleetObject } from '../fleet-object.ts';

/** A fleet with its results in task order, as the formats take it. */
export interface FleetReport {
  fleet: FleetObject;
  results: readonly Result[];
}

/** Text in pieces, so that no format has to hold a hundred thousand results in one string. */
export type Format = (report: FleetReport) => Iterable<string>;

/** What a subagent said, as one text: its structured output as JSON, else its words. */
export function saidBy({ structured_output, output }: Result): string {
  return structured_output === undefined ? (output ?? '') : JSON.stringify(structured_output);
}

/** Skipped is an end a fleet may have on purpose; the other five are not. */
export const hasFailed = ({ status }: Pick<Result, 'status'>): boolean =>
  status !== 'completed' && status !== 'skipped';
