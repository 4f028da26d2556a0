import { AsyncLocalStorage } from 'node:async_hooks';

/** What a span may be told: never prompts, outputs or secrets. */
export type Attributes = Readonly<Record<string, string | number | boolean | string[] | undefined>>;

/** Where a span stands, as W3C Trace Context names it: lower-case hex, 32 and 16 digits. */
export interface SpanPlace {
  traceId: string;
  spanId: string;
}

/** A span under way. */
export interface OpenSpan extends SpanPlace {
  set(attributes: Attributes): void;
}

/** What the work under way is about: fields of its log lines, and the span it is part of. */
interface Scope {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly span: OpenSpan | undefined;
}

const scopes = new AsyncLocalStorage<Scope>();

/**
 * Does `work`, and whatever it starts, with these fields in each of its log lines. Inner fields are added to outer
 * ones.
 */
export function withFields<T>(fields: Readonly<Record<string, unknown>>, work: () => T): T {
  const outer = scopes.getStore();
  return scopes.run({ fields: { ...outer?.fields, ...fields }, span: outer?.span }, work);
}

/** Does `work` as part of a span. */
export function withinSpan<T>(span: OpenSpan, work: () => T): T {
  return scopes.run({ fields: scopes.getStore()?.fields ?? {}, span }, work);
}

/** The span of the work under way; undefined: it is not traced. */
export function currentSpan(): OpenSpan | undefined {
  return scopes.getStore()?.span;
}

/** What a log line says besides its own words. */
export function currentFields(): Record<string, unknown> {
  const { fields, span } = scopes.getStore() ?? {};
  return span ? { ...fields, traceId: span.traceId, spanId: span.spanId } : { ...fields };
}
