import { ROOT_HISTORY_BYTES, ROOT_HISTORY_EVENTS } from '../contract/limits.ts';

/** Whether a root has to continue as new, so that Temporal neither warns of its history nor ends it. */
export function isLong({ historyLength, historySize }: { historyLength: number; historySize: number }): boolean {
  return historyLength > ROOT_HISTORY_EVENTS || historySize > ROOT_HISTORY_BYTES;
}
