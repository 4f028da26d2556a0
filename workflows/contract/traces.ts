import { defaultPayloadConverter, type Payload } from '@temporalio/common';

/** Where a span stands in a trace, as W3C Trace Context spells it (lower-case hex). */
export interface TracePlace {
  /** 32 digits. */
  traceId: string;
  /** 16 digits. */
  spanId: string;
}

/** A workflow's span, told to the worker when it has ended. */
export interface WorkflowSpan extends TracePlace {
  parentSpanId: string;
  startedAtMs: number;
  endedAtMs: number;
  hasFailed: boolean;
}

/** Sink by which workflows tell of their spans; of no replay. Its one function is `ended`. */
export const TRACES_SINK = 'traces';

type Headers = Record<string, Payload>;

/** Temporal header that carries a `traceparent`. Only what is sampled has one: without it nothing is traced. */
const HEADER = 'traceparent';
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

/** Undefined for what is none. */
export function parseTraceparent(text: unknown): (TracePlace & { isSampled: boolean }) | undefined {
  const found = typeof text === 'string' ? TRACEPARENT.exec(text) : null;
  if (!found) return undefined;
  const [, traceId, spanId, flags] = found as unknown as [string, string, string, string];
  return { traceId, spanId, isSampled: (parseInt(flags, 16) & 1) === 1 };
}

export const traceparent = ({ traceId, spanId }: TracePlace): string => `00-${traceId}-${spanId}-01`;

export function placeIn(headers: Headers): TracePlace | undefined {
  const payload = headers[HEADER];
  const place = payload && parseTraceparent(defaultPayloadConverter.fromPayload(payload));
  return place?.isSampled ? { traceId: place.traceId, spanId: place.spanId } : undefined;
}

/** The same headers, with this place for whoever receives them. */
export function withPlace(headers: Headers, place: TracePlace): Headers {
  return { ...headers, [HEADER]: defaultPayloadConverter.toPayload(traceparent(place)) };
}
