import { closeSync, openSync, writeSync } from 'node:fs';

/** One call, as a JSON line. Money as the provider bills it: refused calls nothing, cut calls what was made by then. */
export interface JournalEntry {
  at: string;
  requestId: string;
  durationMs: number;
  model: string;
  /** SHA-256 of the body, 16 hex digits. */
  bodyHash: string;
  /** Names one agent over its turns; equal first messages are one agent. */
  agent: string;
  turn: number;
  script: string;
  status: number;
  /** `cut`: the connection ended before the answer did, whoever ended it. */
  outcome: 'answered' | 'refused' | 'cut';
  stopReason: string | null;
  fault?: string;
  usage: {
    input_tokens: number;
    output_tokens: number;
    cache_creation_input_tokens: number;
    cache_read_input_tokens: number;
  };
  billedMicroUsd: number;
}

export interface SimulatedStats {
  calls: number;
  answered: number;
  refused: number;
  cut: number;
  billedMicroUsd: number;
  inFlight: number;
  peakInFlight: number;
  /** Epoch milliseconds; null before the first call. */
  firstCallAtMs: number | null;
  lastCallAtMs: number | null;
  /** Different first messages seen. */
  agents: number;
  usage: JournalEntry['usage'];
  statuses: Record<string, number>;
  /** How often each fault has fired. */
  faults: Partial<Record<string, number>>;
}

const FLUSH_BYTES = 65_536;
const FLUSH_MS = 50;

/** What was called and billed: sums in memory and, when a file is given, a line for each call, at most 50 ms late. */
export class Journal {
  #file: number | undefined;
  readonly #agents = new Set<string>();
  readonly #sums: Omit<SimulatedStats, 'faults' | 'agents'> = {
    ...{ calls: 0, answered: 0, refused: 0, cut: 0, billedMicroUsd: 0, inFlight: 0, peakInFlight: 0 },
    ...{ firstCallAtMs: null, lastCallAtMs: null },
    usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    statuses: {},
  };
  #pending = '';
  #timer: NodeJS.Timeout | undefined;

  /** Appends to `path`. Throws when it cannot be opened. */
  constructor(path: string | undefined) {
    this.#file = path === undefined ? undefined : openSync(path, 'a');
  }

  begin(nowMs: number): void {
    const sums = this.#sums;
    sums.calls += 1;
    sums.inFlight += 1;
    sums.peakInFlight = Math.max(sums.peakInFlight, sums.inFlight);
    sums.firstCallAtMs ??= nowMs;
    sums.lastCallAtMs = nowMs;
  }

  end(entry: JournalEntry): void {
    const sums = this.#sums;
    sums.inFlight -= 1;
    sums[entry.outcome] += 1;
    sums.billedMicroUsd += entry.billedMicroUsd;
    sums.statuses[entry.status] = (sums.statuses[entry.status] ?? 0) + 1;
    for (const key of Object.keys(sums.usage) as (keyof JournalEntry['usage'])[]) sums.usage[key] += entry.usage[key];
    if (entry.agent !== '') this.#agents.add(entry.agent);
    if (this.#file !== undefined) this.#write(`${JSON.stringify(entry)}\n`);
  }

  /** Also brings the file up to date. */
  stats(faults: SimulatedStats['faults']): SimulatedStats {
    this.flush();
    const { usage, statuses, ...sums } = this.#sums;
    return { ...sums, usage: { ...usage }, statuses: { ...statuses }, agents: this.#agents.size, faults };
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#file === undefined || this.#pending === '') return;
    try {
      writeSync(this.#file, this.#pending);
      this.#pending = '';
    } catch {
      // A full disk must not end the make-believe provider: the lines wait for the next flush.
    }
  }

  get inFlight(): number {
    return this.#sums.inFlight;
  }

  /** What ends later is counted, but no longer written. */
  close(): void {
    this.flush();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #write(line: string): void {
    this.#pending += line;
    if (this.#pending.length >= FLUSH_BYTES) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }
}
