import type { WorkflowClientInterceptor } from '@temporalio/client';
import { tracingSettings } from '../activities/observe/tracing-settings.ts';
import { currentSpan, type OpenSpan } from '../activities/observe/within.ts';
import { parseTraceparent, withPlace } from '../workflows/contract/traces.ts';
import type { Environment } from './config.ts';
import { VERSION } from './local/entries.ts';

/**
 * Does what a command does as a span, below `TRACEPARENT` where the environment has one; what it starts becomes part of
 * the same trace. Within a command that has its span already it is a part of that one. Where tracing is off, or whoever
 * named the parent does not sample it, nothing is loaded. Spans have been sent when this settles.
 */
export async function traced<T>(
  environment: Environment,
  name: string,
  work: (span: OpenSpan | undefined) => Promise<T>,
): Promise<T> {
  const outer = currentSpan();
  if (outer) return work(outer);
  const parent = parseTraceparent(environment['TRACEPARENT']);
  if (!tracingSettings(environment) || parent?.isSampled === false) return work(undefined);
  const { openTraces } = await import('../activities/observe/open-traces.ts');
  const traces = openTraces({ service: 'muster', version: VERSION });
  try {
    return await traces.begin(name, {}, parent, work);
  } finally {
    await traces.close();
  }
}

/** Tells a workflow that is started within a span to whom it belongs. */
export const handsOnTraces: WorkflowClientInterceptor = {
  startWithDetails(input, next) {
    const span = currentSpan();
    return next(span ? { ...input, headers: withPlace(input.headers, span) } : input);
  },
};
