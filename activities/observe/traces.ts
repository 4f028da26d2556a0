import type { Metrics } from './metrics.ts';
import type { Attributes, OpenSpan } from './within.ts';

/** Records what the work under way consists of. */
export interface Traces {
  /**
   * Does `work` as a span below the one under way, which ends with it; an error that it throws is the span's, by name
   * alone, since a message may quote anything. Where nothing is traced `work` is just done.
   */
  span<T>(name: string, attributes: Attributes, work: (span: OpenSpan | undefined) => Promise<T>): Promise<T>;
}

export const NO_TRACES: Traces = { span: (_name, _attributes, work) => work(undefined) };

/** Who is told what a worker does. */
export interface Watchers {
  metrics: Metrics;
  traces: Traces;
}
