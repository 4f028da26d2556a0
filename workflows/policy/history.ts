import { QUIET_HISTORY, ROOT_HISTORY_BYTES, ROOT_HISTORY_EVENTS } from '../contract/limits.ts';

/** Whether a root has to continue as new, so that Temporal neither warns of its history nor ends it. */
export function isLong({ historyLength, historySize }: { historyLength: number; historySize: number }): boolean {
  return historyLength > ROOT_HISTORY_EVENTS || historySize > ROOT_HISTORY_BYTES;
}

/** Whether it should while nothing is under way that would have to be taken back. */
export function isLongForQuiet({
  historyLength,
  historySize,
}: {
  historyLength: number;
  historySize: number;
}): boolean {
  return historyLength > QUIET_HISTORY.events || historySize > QUIET_HISTORY.bytes;
}
