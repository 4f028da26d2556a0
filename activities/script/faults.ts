import { FAILURES } from '../../workflows/contract/failures.ts';
import type { ScriptError } from '../../workflows/contract/units.ts';
import type { InterpreterLost } from './interpreter-process.ts';
import { ENGINE_MEMORY_BYTES, type ScriptLimits } from './limits.ts';

/** The script is over, and not by its own doing. */
export class ScriptEnded extends Error {
  override name = 'ScriptEnded';
  readonly error: ScriptError;

  constructor(type: string, message: string) {
    super(message);
    this.error = { type, message };
  }
}

/** Interpreters that died in a row at one exchange of a script, for reasons nobody knows: it is likely the script. */
const MOST_DEATHS = 5;

/** By script. A memory of this worker alone: elsewhere it may live. */
export class Deaths {
  private readonly counts = new Map<string, number>();

  /** One more; whether these are enough. */
  add(key: string): boolean {
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    return count >= MOST_DEATHS;
  }

  forget(key: string): void {
    this.counts.delete(key);
  }
}

/** What it means that an interpreter was lost while it played an exchange for the first time. */
export function lostAtPlay(lost: InterpreterLost, limits: ScriptLimits, isEnough: () => boolean): Error {
  const seconds = (limits.exchangeMs / 1000).toString();
  const mib = (ENGINE_MEMORY_BYTES / 2 ** 20).toString();
  switch (lost.by) {
    case 'time':
      return new ScriptEnded(
        FAILURES.scriptInterrupted,
        `interrupted: the script was at work for more than ${seconds} s without waiting for an agent`,
      );
    case 'memory':
      return new ScriptEnded(FAILURES.scriptMemory, `out of memory: a script may hold ${mib} MiB`);
    case 'death': {
      const message = `interrupted: its interpreter died ${MOST_DEATHS.toString()} times at this point: ${lost.message}`;
      return isEnough() ? new ScriptEnded(FAILURES.scriptInterrupted, message) : lost;
    }
  }
}
