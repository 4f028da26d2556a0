import type { FleetChange } from '../../fleet-client/watch.ts';
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
const CALM: ReadonlySet<SubagentStatus> = new Set(['completed', 'skipped']);

/** What a progress view shows, from the changes of a watch. Size is bounded by what is in flight. */
export class ProgressModel {
  status: FleetStatus | undefined;
  trouble: string | undefined;
  readonly clusters = new FailureClusters();
  /** Newest last. */
  readonly failures: ShownFailure[] = [];
  readonly #running = new Map<number, { label: string; startedAtMs: number }>();
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
    else this.#stands(change.status, nowMs);
  }

  #ended({ index, label, result }: Extract<FleetChange, { kind: 'ended' }>): void {
    this.#running.delete(index);
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

  /** Longest at work first. */
  slowest(count: number): { label: string; startedAtMs: number }[] {
    return [...this.#running.values()].sort((a, b) => a.startedAtMs - b.startedAtMs).slice(0, count);
  }
}
