import { createHash } from 'node:crypto';
import type { ActivityInterceptorsFactory, InjectedSinks } from '@temporalio/worker';
import type { OpenTraces } from '../activities/observe/open-traces.ts';
import type { Redact } from '../activities/observe/redaction.ts';
import { withFields } from '../activities/observe/within.ts';
import { fleetOf } from '../workflows/contract/ids.ts';
import { placeIn } from '../workflows/contract/traces.ts';
import type { UnitRef } from '../workflows/contract/units.ts';
import type { TraceSinks } from '../workflows/tracing.ts';

/** Every log line of an activity names its fleet. */
export function bindFleets(): ActivityInterceptorsFactory {
  return ({ info: { workflowExecution } }) => {
    const fleetId = fleetOf(workflowExecution?.workflowId ?? '');
    return {
      inbound: { execute: (input, next) => withFields(fleetId === undefined ? {} : { fleetId }, () => next(input)) },
    };
  };
}

/** Spans of activities whose workflow is traced; of the subagents among them a share, and always the same ones. */
export function traceActivities(traces: OpenTraces, share: number): ActivityInterceptorsFactory {
  return ({ info: { activityType, activityId, workflowExecution } }) => ({
    inbound: {
      execute(input, next) {
        const parent = placeIn(input.headers);
        if (!parent || !isAmong(share, activityType, input.args)) return next(input);
        const about = { 'temporal.activity.id': activityId, 'temporal.workflow.id': workflowExecution?.workflowId };
        return traces.begin(activityType, about, parent, () => next(input));
      },
    },
  });
}

/** By what the subagent is, not by chance: all attempts of one are traced, or none. */
function isAmong(share: number, activityType: string, [unit]: readonly unknown[]): boolean {
  if (share === 1 || share === 0) return share === 1;
  if (activityType !== 'runSubagent') return true;
  const { fleetId, index } = unit as UnitRef;
  const hash = createHash('sha256').update(`${fleetId}/${index.toString()}`).digest();
  return hash.readUInt32BE() < share * 2 ** 32;
}

/** Where workflows tell of their spans. Without tracing here they are lost, not an error: another worker may trace. */
export function traceWorkflows(
  traces: Pick<OpenTraces, 'record'> | undefined,
  redact: Redact,
): InjectedSinks<TraceSinks> {
  return {
    traces: {
      ended: {
        callDuringReplay: false,
        fn({ workflowId, workflowType, memo }, span) {
          const name = memo?.['name'];
          traces?.record({
            ...span,
            name: workflowType,
            attributes: {
              'temporal.workflow.id': workflowId,
              'workflow.run_id': fleetOf(workflowId),
              ...(typeof name === 'string' && { 'workflow.name': redact(name) }),
            },
          });
        },
      },
    },
  };
}
