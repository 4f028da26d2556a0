import type { FleetChange } from '../../fleet-client/news.ts';
import { FailureClusters } from '../../fleet-client/failure-clusters.ts';
import type { FleetStatus } from '../../../workflows/contract/messages.ts';
import { SUBAGENT_STATUSES, type SubagentStatus } from '../../../workflows/contract/statuses.ts';

export interface ShownFailure {
  label: string;
  status: SubagentStatus;
  text: string;
}

/** Rate over this long: short enough to follow a change, long enough to be calm. */
const WINDOW_MS = 60_000;
const FAILURES_KEPT = 50;
const LINES_KEPT = 3;
const CALM: ReadonlySet<SubagentStatus> = new Set(['completed', 'skipped']);

/** Subagents of one phase of a script, as far as a watcher was told of them. */
export interface ShownPhase {
  name: string;
  ended: number;
  running: number;
}

/** What a progress view shows, from the changes of a watch. Size is bounded by what is in flight. */
export class ProgressModel {
  status: FleetStatus | undefined;
  trouble: string | undefined;
  readonly clusters = new FailureClusters();
  /** Newest last. */
  readonly failures: ShownFailure[] = [];
  /** What the fleet's script said last, newest last. */
  readonly lines: string[] = [];
  /** The phase it came to last. */
  phase: string | undefined;
  readonly #running = new Map<number, { label: string; startedAtMs: number; phase?: string }>();
  readonly #endedOfPhase = new Map<string, number>();
  /** How many had ended when: one entry a look. */
  readonly #counts: [atMs: number, ended: number][] = [];

  apply(change: FleetChange, nowMs: number): void {
    if (change.kind === 'trouble') {
      this.trouble = change.message;
      return;
    }
    this.trouble = undefined;
    if (change.kind === 'started') this.#running.set(change.index, change);
    else if (change.kind === 'ended') this.#ended(change);
    else if (change.kind === 'log') this.#said(change);
    else this.#stands(change.status, nowMs);
  }

  #said({ what, text }: Extract<FleetChange, { kind: 'log' }>): void {
    if (what === 'phase') {
      this.phase = text;
      return;
    }
    this.lines.push(text);
    if (this.lines.length > LINES_KEPT) this.lines.shift();
  }

  #ended({ index, label, result, phase }: Extract<FleetChange, { kind: 'ended' }>): void {
    this.#running.delete(index);
    if (phase !== undefined) this.#endedOfPhase.set(phase, (this.#endedOfPhase.get(phase) ?? 0) + 1);
    if (CALM.has(result.status)) return;
    this.clusters.add(result);
    const text = result.error ? `${result.error.type}: ${result.error.message}` : result.status;
    this.failures.push({ label, status: result.status, text });
    if (this.failures.length > FAILURES_KEPT) this.failures.shift();
  }

  #stands(status: FleetStatus, nowMs: number): void {
    this.status = status;
    this.#counts.push([nowMs, this.ended]);
    while (this.#counts.length > 2 && this.#counts[1]![0] < nowMs - WINDOW_MS) this.#counts.shift();
  }

  get ended(): number {
    return SUBAGENT_STATUSES.reduce((sum, key) => sum + (this.status?.census[key] ?? 0), 0);
  }

  /** Ends a second over the last minute; undefined before there is anything to measure. */
  perSecond(nowMs: number): number | undefined {
    const [first] = this.#counts;
    if (!first || nowMs - first[0] < 1_000) return undefined;
    const rate = ((this.ended - first[1]) * 1_000) / (nowMs - first[0]);
    return rate > 0 ? rate : undefined;
  }

  etaMs(nowMs: number): number | undefined {
    const rate = this.perSecond(nowMs);
    if (rate === undefined || this.status?.state !== 'running') return undefined;
    return ((this.status.count - this.ended) / rate) * 1_000;
  }

  /** In the order in which they were first heard of. */
  get phases(): ShownPhase[] {
    const running = new Map<string, number>();
    for (const { phase } of this.#running.values())
      if (phase !== undefined) running.set(phase, (running.get(phase) ?? 0) + 1);
    const names = new Set([...this.#endedOfPhase.keys(), ...running.keys()]);
    return [...names].map((name) => {
      return { name, ended: this.#endedOfPhase.get(name) ?? 0, running: running.get(name) ?? 0 };
    });
  }

  /** Longest at work first. */
  slowest(count: number): { label: string; startedAtMs: number }[] {
    return [...this.#running.values()].sort((a, b) => a.startedAtMs - b.startedAtMs).slice(0, count);
  }
}
