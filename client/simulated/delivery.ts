import type { ServerResponse } from 'node:http';
import { errorEvent, PING, type AnswerEvents } from './events.ts';
import type { FaultSpec } from './fault.ts';

export interface DeliveryPlan {
  /** From now to the last byte. */
  latencyMs: number;
  pingEveryMs: number;
  fault: FaultSpec | undefined;
  headers: Record<string, string>;
  /** Called when the first byte goes out. */
  begin: () => void;
}

/** Of the latency; then the model has read the prompt and begins to answer. */
const FIRST_BYTE_SHARE = 0.4;
/** Below this one timer does. */
const SHORT_MS = 10;

/** How far an answer came: the share of it that was made, and whether the caller got all of it. */
export interface Delivered {
  share: number;
  isWhole: boolean;
}

const NOTHING: Delivered = { share: 0, isWhole: false };
const HALF: Delivered = { share: 0.5, isWhole: false };
const WHOLE: Delivered = { share: 1, isWhole: true };

/** Sends an answer as a stream of events, with the fault if there is one. Ends early, without a throw, when the caller leaves. */
export async function deliverStream(
  response: ServerResponse,
  events: AnswerEvents,
  plan: DeliveryPlan,
): Promise<Delivered> {
  const wire = new Wire(response);
  const { latencyMs, fault } = plan;
  await wire.wait(latencyMs < SHORT_MS ? latencyMs : latencyMs * FIRST_BYTE_SHARE);
  if (wire.isClosed || hasDiedEarly(wire, fault)) return NOTHING;
  if (fault?.kind === 'stall_before_headers') return await wire.stall(undefined, NOTHING);
  plan.begin();
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...plan.headers,
  });
  const restMs = latencyMs < SHORT_MS ? 0 : latencyMs * (1 - FIRST_BYTE_SHARE);
  if (fault !== undefined) {
    response.write(events.head);
    return await deliverBadly(wire, events, fault, restMs);
  }
  if (restMs === 0) {
    response.end(events.head + events.body.join('') + events.tail);
    return WHOLE;
  }
  response.write(events.head);
  const elapsed = await wire.waitWithPings(restMs, plan.pingEveryMs);
  if (wire.isClosed) return { share: elapsed, isWhole: false };
  response.end(events.body.join('') + events.tail);
  return WHOLE;
}

/** As `deliverStream`, for an answer in one piece. Faults that need a stream become a cut. */
export async function deliverWhole(response: ServerResponse, body: string, plan: DeliveryPlan): Promise<Delivered> {
  const wire = new Wire(response);
  const { fault } = plan;
  await wire.wait(plan.latencyMs);
  if (wire.isClosed || hasDiedEarly(wire, fault)) return NOTHING;
  if (fault?.kind.startsWith('stall')) return await wire.stall(undefined, NOTHING);
  plan.begin();
  const length = Buffer.byteLength(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length, ...plan.headers });
  if (fault === undefined || fault.kind === 'slow_tokens') {
    response.end(body);
    return WHOLE;
  }
  return await wire.cutAfter(body.slice(0, body.length / 2));
}

async function deliverBadly(
  wire: Wire,
  { body, tail }: AnswerEvents,
  fault: FaultSpec,
  restMs: number,
): Promise<Delivered> {
  if (fault.kind === 'slow_tokens') return await wire.dribble([...body, tail], fault.delayMs ?? 50);
  await wire.wait(restMs / 2);
  if (wire.isClosed) return HALF;
  const half = body.slice(0, Math.ceil(body.length / 2)).join('');
  if (fault.kind === 'cut') return await wire.cutAfter(half);
  if (fault.kind === 'mid_stream_error') wire.response.end(half + errorEvent(fault.errorType ?? 'overloaded_error'));
  else if (fault.kind === 'early_end') wire.response.end(half);
  else {
    wire.response.write(half);
    return await wire.stall(fault.kind === 'stall_with_pings' ? (fault.delayMs ?? 1_000) : undefined, HALF);
  }
  return HALF;
}

function hasDiedEarly(wire: Wire, fault: FaultSpec | undefined): boolean {
  if (fault?.kind !== 'reset') return false;
  wire.reset();
  return true;
}

/** One response and whether its caller is still there. Waits end when it leaves. */
class Wire {
  readonly response: ServerResponse;
  isClosed = false;
  #wake: (() => void) | undefined;

  constructor(response: ServerResponse) {
    this.response = response;
    this.isClosed = response.destroyed;
    response.once('close', () => {
      this.isClosed = true;
      this.#wake?.();
    });
  }

  async wait(ms: number): Promise<void> {
    if (this.isClosed || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** Returns the share of the time that passed before the caller left. */
  async waitWithPings(ms: number, everyMs: number): Promise<number> {
    let left = ms;
    for (; left > everyMs && !this.isClosed; left -= everyMs) {
      await this.wait(everyMs);
      if (!this.isClosed) this.response.write(PING);
    }
    const startedMs = performance.now();
    await this.wait(left);
    return this.isClosed ? Math.min(1, (ms - left + performance.now() - startedMs) / ms) : 1;
  }

  /** Says nothing more, or only pings, until the caller leaves. */
  async stall(pingEveryMs: number | undefined, delivered: Delivered): Promise<Delivered> {
    while (!this.isClosed) {
      await this.wait(pingEveryMs ?? 60_000);
      if (pingEveryMs !== undefined && !this.isClosed) this.response.write(PING);
    }
    return delivered;
  }

  async dribble(parts: readonly string[], delayMs: number): Promise<Delivered> {
    for (const [n, part] of parts.entries()) {
      await this.wait(delayMs);
      if (this.isClosed) return { share: n / parts.length, isWhole: false };
      this.response.write(part);
    }
    this.response.end();
    return WHOLE;
  }

  /** Sends this and then closes the connection in the middle of the answer. */
  async cutAfter(text: string): Promise<Delivered> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.response.write(text, () => resolve());
    });
    this.response.socket?.destroy();
    return HALF;
  }

  reset(): void {
    this.response.socket?.resetAndDestroy();
  }
}
