import { recordKeys } from '../../workflows/contract/ids.ts';
import type { SubagentRecord } from '../../workflows/contract/record.schema.ts';
import type { Denial, Usage } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { Message } from '../claude/claude.ts';
import type { Redact } from '../observe/redaction.ts';
import { transcriptLines, transcriptText, type TranscriptMessage } from '../observe/transcript.ts';
import { Superseded } from './ending.ts';

/** Messages stay inline in the record up to here: one write a turn. Longer ones move into a chunk of their own. */
const INLINE_BYTES = 32_768;

export interface Fence {
  epoch: number;
  attempt: number;
}

/** Who a record belongs to. */
export interface RecordOf {
  fleetId: string;
  index: number;
  generation: number;
}

/** Above every attempt: what `settleSubagents` fences with. */
export const SETTLED_ATTEMPT = 1_000_000_000;

const isOlder = (a: Fence, b: Fence): boolean => a.epoch < b.epoch || (a.epoch === b.epoch && a.attempt < b.attempt);

/**
 * The one writer of a subagent's record. Every write is a compare-and-swap on the version it read, so an attempt that
 * was overtaken gets `Superseded` and has written nothing. May throw `StoreFull`.
 */
export class Checkpoint {
  record: SubagentRecord;
  messages: Message[];
  /** Told after each durable write of a turn. */
  onSaved: ((record: SubagentRecord) => void) | undefined;
  /** Why its transcript cannot be read: it has none then, and can only be ended. */
  damage: Error | undefined;
  private durableSpentMicroUsd: number;
  private version: number;
  private readonly store: ArtifactStore;
  private readonly key: string;

  private constructor(store: ArtifactStore, key: string, record: SubagentRecord, version: number, messages: Message[]) {
    this.store = store;
    this.key = key;
    this.record = record;
    this.durableSpentMicroUsd = record.epochSpentMicroUsd;
    this.version = version;
    this.messages = messages;
  }

  /**
   * Takes the record over under `fence`. One that does not exist is made by its first write, which is before the first
   * call: of two attempts that find none, one makes it. A call whose answer nobody wrote down is booked at its worst case
   * from here on. Throws `Superseded` when a newer fence holds it, or with an equal one unless `SETTLED_ATTEMPT` asks,
   * which may ask twice. A record with a result is returned as it is.
   */
  static async open(
    { store, records }: { store: ArtifactStore; records: FleetRecords },
    of: RecordOf,
    fence: Fence,
  ): Promise<Checkpoint> {
    const key = recordKeys.subagent(of.fleetId, of.index, of.generation);
    const found = await records.subagent(of.fleetId, of.index, of.generation);
    if (!found) {
      const checkpoint = new Checkpoint(store, key, emptyRecord(fence), 0, []);
      if (fence.attempt === SETTLED_ATTEMPT) await checkpoint.write({});
      return checkpoint;
    }
    const { record, version } = found;
    const isEnded = record.result !== undefined;
    const messages = isEnded ? [] : await loadMessages(store, record).catch(damageOf);
    const checkpoint = new Checkpoint(store, key, record, version, Array.isArray(messages) ? messages : []);
    if (!Array.isArray(messages)) checkpoint.damage = messages;
    if (isEnded) return checkpoint;
    const isSettling = fence.attempt === SETTLED_ATTEMPT;
    if (!isOlder(record.fence, fence) && !(isSettling && record.fence.epoch === fence.epoch))
      throw new Superseded(`attempt ${fence.attempt.toString()} of ${key} was overtaken`);
    if (record.fence.epoch !== fence.epoch) checkpoint.note({ epochSpentMicroUsd: 0 });
    await checkpoint.write({ fence, attempts: record.attempts + (isSettling ? 0 : 1), ...checkpoint.lostCall() });
    return checkpoint;
  }

  /** What its present dispatch has spent. */
  get epochSpentMicroUsd(): number {
    return this.record.epochSpentMicroUsd;
  }
  /** The part of it that is written down: where a write failed, the call it was for is booked by whoever comes next. */
  get writtenMicroUsd(): number {
    return this.durableSpentMicroUsd;
  }

  /** Notes the worst case of the call about to be made; no write where it stands already. */
  async intend(pendingMicroUsd: number): Promise<void> {
    if (this.record.pendingMicroUsd !== pendingMicroUsd || this.version === 0) await this.write({ pendingMicroUsd });
  }

  /** The call under way brought no answer, and may have been billed. */
  async bookLostCall(): Promise<void> {
    await this.write(this.lostCall());
  }

  /** The call under way was answered: what it cost. Written with the next `save`. */
  bookAnswer(costMicroUsd: number, usage: Usage): void {
    const { record } = this;
    this.note({
      pendingMicroUsd: 0,
      costMicroUsd: record.costMicroUsd + costMicroUsd,
      epochSpentMicroUsd: record.epochSpentMicroUsd + costMicroUsd,
      usage: sum(record.usage, usage),
      errors: 0,
      overloads: 0,
    });
  }

  /** Adds messages to the conversation; written with the next `save`. */
  append(...messages: Message[]): void {
    this.messages.push(...messages);
    this.note({ tail: [...this.record.tail, ...messages] });
  }

  /**
   * Goes on with another conversation, in one durable write with `changes`. The first `gone` messages of the old one stay
   * in the transcript; `messages` holds again whatever came after them.
   */
  async replace(messages: readonly Message[], gone: number, changes: Partial<SubagentRecord>): Promise<void> {
    const { past = [] } = this.record;
    const left = await this.store.put(Buffer.from(JSON.stringify(this.messages.slice(0, gone))));
    await this.write({ ...changes, past: [...past, left], chunks: [], tail: [...messages] });
    this.messages = [...messages];
  }

  deny(...denials: readonly Denial[]): void {
    if (denials.length > 0) this.note({ denials: [...this.record.denials, ...denials] });
  }

  /** Changes that need no write of their own; written with the next one. */
  note(changes: Partial<SubagentRecord>): void {
    this.record = { ...this.record, ...changes };
  }

  /** One durable write: everything noted since the last one, and `changes`. */
  async save(changes: Partial<SubagentRecord>): Promise<void> {
    await this.write(changes);
    this.onSaved?.(this.record);
  }

  /** Commits the end. From here on nobody writes this record any more. */
  async end(result: NonNullable<SubagentRecord['result']>): Promise<void> {
    await this.write({ result, chunks: [], tail: [], past: [], pendingMicroUsd: 0 });
  }

  /** The whole transcript, one JSON line a message and tool call, with what left the conversation; secrets hidden. */
  async storeTranscript(redact: Redact): Promise<ArtifactRef | undefined> {
    const past = this.damage ? [] : await readChunks(this.store, this.record.past ?? []);
    const messages = [...past, ...this.messages];
    if (messages.length === 0) return undefined;
    const lines = transcriptLines(messages as TranscriptMessage[], redact);
    return this.store.put(Buffer.from(transcriptText(lines)));
  }

  private lostCall(): Partial<SubagentRecord> {
    const { pendingMicroUsd: lost, costMicroUsd, reworkMicroUsd, epochSpentMicroUsd } = this.record;
    return {
      pendingMicroUsd: 0,
      costMicroUsd: costMicroUsd + lost,
      reworkMicroUsd: reworkMicroUsd + lost,
      epochSpentMicroUsd: epochSpentMicroUsd + lost,
    };
  }

  private async write(changes: Partial<SubagentRecord>): Promise<void> {
    let next: SubagentRecord = { ...this.record, ...changes };
    // A tail too long for the record moves into a chunk before the record names it.
    const tail = next.tail.length > 0 ? JSON.stringify(next.tail) : '';
    if (tail.length > INLINE_BYTES) {
      next = { ...next, chunks: [...next.chunks, await this.store.put(Buffer.from(tail))], tail: [] };
    }
    try {
      this.version = await this.store.writeRecord(this.key, next, this.version);
    } catch (error) {
      if (error instanceof Error && error.name === 'RecordConflict')
        throw new Superseded(`${this.key} was overtaken`, { cause: error });
      throw error;
    }
    this.record = next;
    this.durableSpentMicroUsd = next.epochSpentMicroUsd;
  }
}

function emptyRecord(fence: Fence): SubagentRecord {
  return {
    v: 1,
    fence,
    startedAtMs: Date.now(),
    attempts: fence.attempt === SETTLED_ATTEMPT ? 0 : 1,
    turns: 0,
    chunks: [],
    tail: [],
    patch: null,
    usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    costMicroUsd: 0,
    reworkMicroUsd: 0,
    epochSpentMicroUsd: 0,
    pendingMicroUsd: 0,
    activeMs: 0,
    denials: [],
    errors: 0,
    schemaFailures: 0,
  };
}

async function loadMessages(store: ArtifactStore, { chunks, tail }: SubagentRecord): Promise<Message[]> {
  return [...(await readChunks(store, chunks)), ...(tail as Message[])];
}

async function readChunks(store: ArtifactStore, chunks: readonly ArtifactRef[]): Promise<Message[]> {
  const parts = await Promise.all(chunks.map(async (ref) => Buffer.from(await store.get(ref)).toString()));
  return parts.flatMap((text) => JSON.parse(text) as Message[]);
}

/** What was stored is not what is there now: no retry mends it. Rethrows everything else. */
function damageOf(error: unknown): Error {
  if (error instanceof Error && ['ArtifactDamaged', 'ArtifactMissing'].includes(error.name)) return error;
  throw error;
}

function sum(a: Usage, b: Usage): Usage {
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cache_creation_input_tokens: a.cache_creation_input_tokens + b.cache_creation_input_tokens,
    cache_read_input_tokens: a.cache_read_input_tokens + b.cache_read_input_tokens,
  };
}
