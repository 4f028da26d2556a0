import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptReport } from './attempt-reports.ts';

export interface SupervisorOptions {
  /** The worker's file, and what follows on its command line. */
  worker: string;
  args: readonly string[];
  /** Lets Temporal know at once of attempts that nobody is at any more, to be retried after so long. Never rejects. */
  failAttempts(tokens: readonly string[], message: string, retryAfterMs: number): Promise<unknown>;
  /** Constant messages, facts in fields. */
  log(fields: object, message: string): void;
  /** Aborts when all is to end. */
  ending: AbortSignal;
  /** A worker that lived so long begins a new row of deaths. */
  steadyMs?: number;
  /** From the second death in a row on, doubling: the first is mended at once. */
  pauseMs?: number;
  /** How long a drain may take. */
  drainMs?: number;
}

/** How a worker process ended, and the attempts it left behind. */
interface Death {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Of attempts that had not ended. */
  open: string[];
  /** Of attempts that ended last, whose outcome Temporal may not have heard. */
  recent: string[];
}

/** Exit code of a worker whose configuration is wrong: another try would say the same. */
const USAGE = 2;
const STEADY_MS = 300_000;
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A drain ends by itself before (roles.ts: shutdownForceTime), and Kubernetes kills after 30 s. */
const DRAIN_MS = 25_000;
/** At the end Temporal is told as long as this. */
const HAND_OVER_MS = 4_000;
/** How long an outcome may be on its way to Temporal: longer, and its heartbeat timeout has passed. */
const ON_ITS_WAY_MS = 30_000;
/** What a dead worker has reported is read within a moment. */
const LAST_WORDS_MS = 2_000;

/**
 * Keeps one worker process running until `ending`, and hands what a dead one held to others within a second or two, where
 * Temporal alone would find out by a heartbeat timeout. Resolves with the exit code: the worker's own when it was to end or
 * ended by itself with success or for a wrong configuration. A worker that dies again and again is started again ever more
 * slowly, and so is what it held: a subagent that no worker survives must not take one after the other.
 */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const { failAttempts, log, ending, steadyMs = STEADY_MS, pauseMs = PAUSE_MS } = options;
  const handedOver = new Set<Promise<unknown>>();
  for (let deaths = 0; ;) {
    const startedAt = performance.now();
    const { code, signal, open, recent } = await workerRun(options);
    const hasEnded = code === 0 || code === USAGE;
    deaths = performance.now() - startedAt >= steadyMs ? 1 : deaths + 1;
    const waitMs = deaths === 1 ? 0 : Math.min(pauseMs * 2 ** (deaths - 2), LONGEST_PAUSE_MS);
    // Of a worker that ended in order, Temporal has heard all outcomes.
    const tokens = hasEnded ? open : [...open, ...recent];
    if (tokens.length > 0) {
      const how = signal ?? `exit code ${String(code)}`;
      const handing = failAttempts(tokens, `the worker process ended: ${how}`, waitMs);
      handedOver.add(handing);
      void handing.then(() => handedOver.delete(handing));
    }
    if (hasEnded || ending.aborted) {
      await Promise.race([Promise.all(handedOver), delay(HAND_OVER_MS, undefined, { ref: false })]);
      return code ?? 128 + constants.signals[signal!];
    }
    log({ code, signal, attempts: open.length, deaths, waitMs }, 'the worker process died; it is started again');
    await delay(waitMs, undefined, { signal: ending }).catch(() => undefined);
    if (ending.aborted) return 0;
  }
}

/** One worker process from its start to its end. */
async function workerRun({ worker, args, ending, log, drainMs = DRAIN_MS }: SupervisorOptions): Promise<Death> {
  const child = fork(worker, ['worker', ...args]);
  const open = new Set<string>();
  const recent = new Set<string>();
  child.on('message', (report: AttemptReport) => {
    if ('begun' in report) open.add(report.begun);
    else if (open.delete(report.ended)) {
      recent.add(report.ended);
      setTimeout(() => recent.delete(report.ended), ON_ITS_WAY_MS).unref();
    }
  });
  const drain = (): void => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => {
      log({ pid: child.pid }, 'the worker process does not end; it is killed');
      child.kill('SIGKILL');
    }, drainMs);
    child.once('exit', () => clearTimeout(timer));
  };
  ending.addEventListener('abort', drain, { once: true });
  if (ending.aborted) drain();
  const { code, signal } = await endOf(child);
  ending.removeEventListener('abort', drain);
  return { code, signal, open: [...open], recent: [...recent] };
}

/** Resolves once it is gone and what it had reported is read. One that cannot even be started ends with 1. */
async function endOf(child: ChildProcess): Promise<Pick<Death, 'code' | 'signal'>> {
  const silent = once(child, 'disconnect').catch(() => undefined);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    await Promise.race([silent, delay(LAST_WORDS_MS)]);
    return { code, signal };
  } catch {
    return { code: 1, signal: null };
  }
}
