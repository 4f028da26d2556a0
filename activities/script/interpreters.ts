import type { ScriptLimits } from './limits.ts';
import type { ScriptSession } from './session.ts';

interface Kept {
  session: ScriptSession;
  timer: NodeJS.Timeout;
}

/**
 * Sessions of this worker between exchanges: a cache, for each can be played again from its journal. Bounded in number and
 * in time; the one that was used longest ago goes first.
 */
export class Interpreters {
  readonly #limits: Pick<ScriptLimits, 'kept' | 'keptMs'>;
  readonly #kept = new Map<string, Kept>();
  readonly #busy = new Map<string, ScriptSession>();
  #isClosed = false;

  constructor(limits: Pick<ScriptLimits, 'kept' | 'keptMs'>) {
    this.#limits = limits;
  }

  /** How many there are now. */
  get size(): number {
    return this.#kept.size + this.#busy.size;
  }

  /** The session that stands right before this exchange; any other one of its key is ended. */
  async take(key: string, exchange: number): Promise<ScriptSession | undefined> {
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    this.#forget(key, kept);
    const { session } = kept;
    if (session.isAlive && session.exchange === exchange - 1) return session;
    await session.close();
    return undefined;
  }

  /** It is at work; whatever else is at work under this key belongs to an attempt that is over. */
  async use(key: string, session: ScriptSession): Promise<void> {
    const other = this.#busy.get(key);
    this.#busy.set(key, session);
    if (other !== session) await other?.close();
    if (this.#isClosed) await session.close();
  }

  async keep(key: string, session: ScriptSession): Promise<void> {
    if (this.#busy.get(key) === session) this.#busy.delete(key);
    if (this.#isClosed || this.#kept.has(key)) return session.close();
    const timer = setTimeout(() => void this.drop(key, session), this.#limits.keptMs);
    timer.unref();
    this.#kept.set(key, { session, timer });
    for (const [oldest, { session: old }] of this.#kept) {
      if (this.#kept.size <= this.#limits.kept) break;
      await this.drop(oldest, old);
    }
  }

  /** Ends a session, kept or at work. Safe to call twice. */
  async drop(key: string, session: ScriptSession): Promise<void> {
    if (this.#busy.get(key) === session) this.#busy.delete(key);
    const kept = this.#kept.get(key);
    if (kept?.session === session) this.#forget(key, kept);
    await session.close();
  }

  /** Ends them all, and those that come later. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const sessions = [...[...this.#kept.values()].map(({ session }) => session), ...this.#busy.values()];
    for (const [key, kept] of this.#kept) this.#forget(key, kept);
    await Promise.all(sessions.map((session) => session.close()));
  }

  #forget(key: string, { timer }: Kept): void {
    clearTimeout(timer);
    this.#kept.delete(key);
  }
}
