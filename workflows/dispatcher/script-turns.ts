import { FAILURES } from '../contract/failures.ts';
import { MAX_SCRIPT_NEWS } from '../contract/limits.ts';
import type { Approval, ScriptEnd, ScriptOutcome, ScriptRef, ScriptStand } from '../contract/units.ts';
import { isExchangeDue, waitsForNothing, type ScriptOutlook } from '../policy/exchange.ts';
import { inRanges, withIndexes } from '../policy/index-ranges.ts';

const NEVER_SETTLES: ScriptEnd = {
  error: { type: FAILURES.scriptNeverSettles, message: 'it waits for something that can never come' },
};

/** What an exchange is told besides what the script itself has to hear. */
export type ExchangeRest = Pick<ScriptRef, 'fleetId' | 'manifest' | 'spentMicroUsd' | 'budgetMicroUsd'>;

/** Whose turn it is between a fleet's script and its root: one exchange at a time, each end told once. Pure. */
export class ScriptTurns {
  /** In the order of admission. */
  private readonly untold: Set<number>;
  private news: number[];
  private asks: ScriptStand['asks'];
  private decided: ScriptStand['decided'];
  private request: string | null;
  private isRefused: boolean;
  private exchanged: number;
  private sent: ScriptStand['sent'];
  private ended: ScriptEnd | undefined;
  /** An exchange is under way. */
  isOut = false;
  /** The generation it began in. */
  readonly generation: number;

  constructor(generation: number, before: ScriptStand | undefined, hasEnded: (index: number) => boolean) {
    this.generation = before?.generation ?? generation;
    this.untold = new Set(inRanges(before?.untold ?? []));
    // A retry may have taken an end back before the script heard of it.
    this.news = (before?.news ?? []).filter(hasEnded);
    this.asks = before?.asks ?? [];
    this.decided = before?.decided ?? [];
    this.request = before?.request ?? null;
    this.isRefused = before?.isRefused ?? false;
    this.exchanged = before?.exchange ?? 0;
    this.sent = before?.sent;
    this.ended = before?.outcome;
  }

  get outcome(): ScriptEnd | undefined {
    return this.ended;
  }
  get exchanges(): number {
    return this.exchanged;
  }
  /** What the newest exchange asked for, while it is not admitted. */
  get pending(): { request: string; seq: number } | undefined {
    return this.request === null || this.ended ? undefined : { request: this.request, seq: this.exchanged };
  }

  /** Its asks that may be decided now: of one exchange one after the other, so that an answer tells which. */
  get approvals(): (Approval & { exchange: number })[] {
    const firsts = this.asks.filter(([exchange], i) => this.asks.findIndex(([other]) => other === exchange) === i);
    return firsts.map(([exchange, title, hash]) => ({ kind: 'script', title, hash, exchange }));
  }

  /** One of its subagents has ended; what it has been told once it is not told again. */
  childEnded(index: number): void {
    if (this.untold.has(index)) this.news.push(index);
  }
  childReopened(index: number): void {
    this.news = this.news.filter((other) => other !== index);
  }

  admitted(from: number, count: number): void {
    this.request = null;
    for (let index = from; index < from + count; index++) this.untold.add(index);
  }
  refused(): void {
    this.request = null;
    this.isRefused = true;
  }

  decide(exchange: number, hash: string, isApproved: boolean): void {
    const at = this.asks.findIndex(([other, , its]) => other === exchange && its === hash);
    this.asks = this.asks.filter((_, i) => i !== at);
    this.decided = [...this.decided, [exchange, isApproved]];
  }

  isDue(isIdle: boolean): boolean {
    if (this.ended || this.isOut || this.request !== null) return false;
    return this.sent !== undefined || isExchangeDue(this.outlook(isIdle));
  }

  /** The next exchange, from here on under way. */
  speak(rest: ExchangeRest): ScriptRef {
    this.sent ??= this.takeNews();
    this.isOut = true;
    return { v: 1, ...rest, generation: this.generation, exchange: this.exchanged + 1, ...this.sent };
  }

  /** The exchange under way was broken off: whether it took place shows when it is sent again. */
  lost(): void {
    this.isOut = false;
  }

  came(outcome: ScriptOutcome): void {
    this.isOut = false;
    this.sent = undefined;
    this.exchanged++;
    if (outcome.kind === 'ended') return this.end(outcome.outcome);
    this.request = outcome.request;
    for (const { title, hash } of outcome.asks) this.asks.push([this.exchanged, title, hash]);
    if (this.request === null && waitsForNothing(this.outlook(false), this.asks.length)) this.end(NEVER_SETTLES);
  }

  end(outcome: ScriptEnd): void {
    this.ended = outcome;
    this.asks = [];
    this.request = null;
  }

  get stand(): ScriptStand {
    return {
      generation: this.generation,
      exchange: this.exchanged,
      request: this.request,
      untold: withIndexes([], this.untold),
      news: this.news,
      asks: this.asks,
      decided: this.decided,
      ...(this.sent && { sent: this.sent }),
      ...(this.isRefused && { isRefused: true }),
      ...(this.ended && { outcome: this.ended }),
    };
  }

  private takeNews(): NonNullable<ScriptStand['sent']> {
    const ended = this.news.slice(0, MAX_SCRIPT_NEWS);
    this.news = this.news.slice(MAX_SCRIPT_NEWS);
    for (const index of ended) this.untold.delete(index);
    const { decided } = this;
    this.decided = [];
    this.isRefused = false;
    return { ended, decided };
  }

  private outlook(isIdle: boolean): ScriptOutlook {
    return {
      exchanges: this.exchanged,
      news: this.news.length,
      open: this.untold.size - this.news.length,
      decided: this.decided.length,
      isRefused: this.isRefused,
      isIdle,
    };
  }
}
