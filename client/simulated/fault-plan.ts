import { isOfAnswer, REFUSED_FAULTS, type FaultKind, type FaultSpec, type RefusedFault } from './fault.ts';
import { Problem } from './problem.ts';
import type { SimulatedRequest } from './script.ts';

/** A fault and what became of it. */
export interface FaultRecord extends FaultSpec {
  id: number;
  seen: number;
  fired: number;
}

/** All faults of a server: those it was started with or told of, and those prompts carry. Counts survive a repeated call. */
export class FaultPlan {
  readonly #standing: FaultRecord[] = [];
  readonly #ofPrompts = new Map<string, FaultRecord>();
  readonly #fired = new Map<FaultKind, number>();
  #lastId = 0;

  add(spec: FaultSpec): FaultRecord {
    const record = { ...spec, id: (this.#lastId += 1), seen: 0, fired: 0 };
    this.#standing.push(record);
    return record;
  }

  list(): readonly FaultRecord[] {
    return [...this.#standing, ...this.#ofPrompts.values()];
  }

  /** Forgets the standing ones; what fired stays counted. */
  clear(): void {
    this.#standing.length = 0;
  }

  /** How often each kind has fired. */
  fired(): Partial<Record<FaultKind, number>> {
    return Object.fromEntries(this.#fired);
  }

  /**
   * The fault that befalls this call, if any; it counts as fired. Asked twice a call: `ofAnswer` for faults of the answer
   * itself, once there is one, else for refusals and faults of the wire.
   */
  take(request: SimulatedRequest, turn: number, ofAnswer: boolean): FaultRecord | undefined {
    if (this.#standing.length === 0 && request.direction.faults.length === 0) return undefined;
    const due = [...this.#carried(request), ...this.#standing].find(
      (fault) => isOfAnswer(fault.kind) === ofAnswer && isDue(fault, request, turn),
    );
    if (due === undefined) return undefined;
    due.fired += 1;
    this.#fired.set(due.kind, (this.#fired.get(due.kind) ?? 0) + 1);
    return due;
  }

  /** A fault that was taken but could not be done, since the answer offers no place for it. */
  putBack(fault: FaultRecord): void {
    fault.fired -= 1;
    fault.seen -= 1;
    this.#fired.set(fault.kind, (this.#fired.get(fault.kind) ?? 1) - 1);
  }

  #carried({ agent, direction }: SimulatedRequest): FaultRecord[] {
    return direction.faults.map((spec, n) => {
      const key = `${agent}/${n}`;
      const record = this.#ofPrompts.get(key) ?? { ...spec, id: (this.#lastId += 1), seen: 0, fired: 0 };
      this.#ofPrompts.set(key, record);
      return record;
    });
  }
}

function isDue(fault: FaultRecord, request: SimulatedRequest, turn: number): boolean {
  if (fault.match !== undefined && !request.firstText.includes(fault.match)) return false;
  if (fault.model !== undefined && request.body.model !== fault.model) return false;
  if (fault.kind === 'compaction_unavailable' && !request.body.compaction) return false;
  if (fault.turn !== undefined && fault.turn !== turn) return false;
  if (fault.count !== undefined && fault.fired >= fault.count) return false;
  fault.seen += 1;
  const nth = fault.seen - (fault.after ?? 0);
  return nth > 0 && (nth - 1) % (fault.every ?? 1) === 0;
}

/** The error answer of a refusal. */
export function refusal(fault: FaultSpec & { kind: RefusedFault }, nowMs: number): Problem {
  const known: { status: number; type: string; message: string; code?: string; retryAfter?: string } =
    REFUSED_FAULTS[fault.kind];
  const retryAfter = fault.retryAfter ?? (fault.retryAfterMs === undefined ? known.retryAfter : undefined);
  const [, inSeconds] = /^date([+-]\d+)$/.exec(retryAfter ?? '') ?? [];
  const wait = inSeconds === undefined ? retryAfter : new Date(nowMs + Number(inSeconds) * 1000).toUTCString();
  return new Problem(known.status, known.type, known.message, {
    code: known.code,
    headers: {
      ...(wait === undefined || wait === 'none' ? {} : { 'retry-after': wait }),
      ...(fault.retryAfterMs === undefined ? {} : { 'retry-after-ms': String(fault.retryAfterMs) }),
    },
  });
}
