import { MAX_SCRIPT_NEWS } from '../contract/limits.ts';

/** How a script stands with the root. */
export interface ScriptOutlook {
  /** Exchanges it has had. */
  exchanges: number;
  /** Ends it has not been told of. */
  news: number;
  /** Subagents of its own that have not ended. */
  open: number;
  /** Approvals decided that it has not been told of. */
  decided: number;
  /** It asked for more than the tree may hold, and has not been told. */
  isRefused: boolean;
  /** Nothing queued could start: permits lie idle. */
  isIdle: boolean;
}

/**
 * Whether a script is to be told what has come. Ends are told together where they can be, since an exchange costs tens
 * of milliseconds: when all have ended, when permits lie idle that it could fill, or when an exchange is full.
 */
export function isExchangeDue({ exchanges, news, open, decided, isRefused, isIdle }: ScriptOutlook): boolean {
  if (exchanges === 0 || isRefused || decided > 0 || news >= MAX_SCRIPT_NEWS) return true;
  return news > 0 && (open === 0 || isIdle);
}

/** It has ended nothing, asked for nothing, and nothing is on its way to it: it would wait for ever. */
export function waitsForNothing({ news, open, decided, isRefused }: ScriptOutlook, asks: number): boolean {
  return news === 0 && open === 0 && decided === 0 && asks === 0 && !isRefused;
}
