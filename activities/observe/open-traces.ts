import { ROOT_CONTEXT, SpanStatusCode, TraceFlags, trace, type Context, type Span } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource, envDetectorSync } from '@opentelemetry/resources';
import { AlwaysOnSampler, BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Traces } from './traces.ts';
import { currentSpan, withinSpan, type Attributes, type OpenSpan, type SpanPlace } from './within.ts';

export interface TracesOptions {
  /** `service.name`, unless OTEL_SERVICE_NAME says otherwise. */
  service: string;
  version: string;
  /** Whoever named the parent has decided; left out: as OTEL_TRACES_SAMPLER says, by trace. */
  isDecided?: boolean;
}

/** Spans on their way to a collector, by OTLP over HTTP. */
export interface OpenTraces extends Traces {
  /** As `span`, below a parent of another process, or as the root of a trace. */
  begin<T>(
    name: string,
    attributes: Attributes,
    parent: SpanPlace | undefined,
    work: (span: OpenSpan | undefined) => Promise<T>,
  ): Promise<T>;
  /** A span that others have timed, whose id stood before it ended. */
  record(span: RecordedSpan): void;
  /** Sends what is left; gives up after a few seconds. Safe to call twice. */
  close(): Promise<void>;
}

export interface RecordedSpan extends SpanPlace {
  parentSpanId: string;
  name: string;
  startedAtMs: number;
  endedAtMs: number;
  hasFailed: boolean;
  attributes: Attributes;
}

/** A collector that does not answer holds up no command and no drain longer than this. */
const LAST_FLUSH_MS = 3_000;
const LIBRARY = { name: 'muster' };

/**
 * Opens the way to a collector: where, with which headers and how often the standard OTEL_ variables say. Loaded only
 * where tracing is on, since this is all of OpenTelemetry. A collector that is away costs spans, and nothing else.
 */
export function openTraces({ service, version, isDecided = false }: TracesOptions): OpenTraces {
  const resource = new Resource({ 'service.name': service, 'service.version': version }).merge(
    envDetectorSync.detect() as Resource,
  );
  const processor = new BatchSpanProcessor(new OTLPTraceExporter());
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [processor],
    ...(isDecided && { sampler: new AlwaysOnSampler() }),
  });
  const tracer = provider.getTracer(LIBRARY.name);
  let closing: Promise<void> | undefined;

  async function begin<T>(
    name: string,
    attributes: Attributes,
    parent: SpanPlace | undefined,
    work: (span: OpenSpan | undefined) => Promise<T>,
  ): Promise<T> {
    const span = tracer.startSpan(name, { attributes: { ...attributes } }, contextOf(parent));
    if (!span.isRecording()) return work(undefined);
    const open = { ...placeOf(span), set: (more: Attributes) => void span.setAttributes({ ...more }) };
    try {
      return await withinSpan(open, () => work(open));
    } catch (error) {
      // By name alone: a message may quote a prompt, an output or worse.
      const message = error instanceof Error ? error.name : typeof error;
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      throw error;
    } finally {
      span.end();
    }
  }

  return {
    begin,
    span(name, attributes, work) {
      const parent = currentSpan();
      return parent ? begin(name, attributes, parent, work) : work(undefined);
    },
    record({ traceId, spanId, startedAtMs, endedAtMs, hasFailed, ...span }) {
      const spanContext = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
      processor.onEnd({
        ...span,
        attributes: { ...span.attributes },
        kind: 0,
        spanContext: () => spanContext,
        startTime: timeOf(startedAtMs),
        endTime: timeOf(endedAtMs),
        duration: timeOf(endedAtMs - startedAtMs),
        status: { code: hasFailed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
        ended: true,
        resource,
        instrumentationLibrary: LIBRARY,
        ...{ links: [], events: [], droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
      });
    },
    close: () => (closing ??= inAtMost(LAST_FLUSH_MS, provider.shutdown())),
  };
}

const placeOf = (span: Span): SpanPlace => {
  const { traceId, spanId } = span.spanContext();
  return { traceId, spanId };
};

function contextOf(parent: SpanPlace | undefined): Context {
  if (!parent) return ROOT_CONTEXT;
  const { traceId, spanId } = parent;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });
}

/** OpenTelemetry's [seconds, nanoseconds]. */
function timeOf(ms: number): [number, number] {
  return [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)];
}

/** Never rejects: what could not be sent is lost. */
async function inAtMost(ms: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  work.then(resolve, () => resolve());
  await promise;
  clearTimeout(timer);
}
