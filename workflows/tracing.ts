import {
  ContinueAsNew,
  isCancellation,
  proxySinks,
  workflowInfo,
  type Sinks,
  type WorkflowInterceptorsFactory,
} from '@temporalio/workflow';
import { placeIn, withPlace, type TRACES_SINK, type TracePlace, type WorkflowSpan } from './contract/traces.ts';

/** What a worker is told of. */
export interface TraceSinks extends Sinks {
  [TRACES_SINK]: { ended(span: WorkflowSpan): void };
}

const { traces } = proxySinks<TraceSinks>();

/**
 * Hands a trace on from whoever started a workflow to its activities and children, and tells of the workflow's own span
 * when it ends. It works on headers alone, takes nothing from the workflow's randomness and lets nobody wait, so that a
 * history from before it, or one without a trace, replays as it was.
 */
export const interceptors: WorkflowInterceptorsFactory = () => {
  let parent: TracePlace | undefined;
  let own: TracePlace | undefined;
  return {
    inbound: [
      {
        execute(input, next) {
          parent = placeIn(input.headers);
          if (parent === undefined) return next(input);
          const { runId, startTime } = workflowInfo();
          own = { traceId: parent.traceId, spanId: spanIdOf(runId) };
          const span = { ...own, parentSpanId: parent.spanId, startedAtMs: startTime.getTime() };
          const running = next(input);
          const tell = (hasFailed: boolean): void => traces.ended({ ...span, endedAtMs: Date.now(), hasFailed });
          // Beside the promise that is returned, which nobody awaits longer for it.
          running.then(
            () => tell(false),
            (error: unknown) => tell(!(error instanceof ContinueAsNew || isCancellation(error))),
          );
          return running;
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next(handedOn(input, own)),
        startChildWorkflowExecution: (input, next) => next(handedOn(input, own)),
        // The next run is another part of the same work, not a part of this one.
        continueAsNew: (input, next) => next(handedOn(input, parent)),
      },
    ],
  };
};

type WithHeaders = { readonly headers: Parameters<typeof withPlace>[0] };

const handedOn = <T extends WithHeaders>(input: T, place: TracePlace | undefined): T =>
  place ? { ...input, headers: withPlace(input.headers, place) } : input;

/**
 * Of a run, for whoever stands below it: all know it before the run has ended. Its latter half, of which 62 bits are
 * random; the former is the time, which batches that start together share (UUID version 7).
 */
const spanIdOf = (runId: string): string => runId.replaceAll('-', '').slice(-16);
