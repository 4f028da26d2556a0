import type { Client } from '@temporalio/client';
import { fleetWorkflowId } from '../../workflows/contract/ids.ts';

/** One activity of a batch as its history tells it: which attempt ended it, and what the attempt before had failed with. */
export interface AttemptSeen {
  activity: string;
  attempt: number;
  /** Type of an application failure, or `timeout`; absent: the first attempt ended it. */
  before?: string;
}

/** All subagents' activities of a fleet that have ended, in the newest run of its root. */
export async function attemptsOf({ workflow }: Client, fleetId: string): Promise<AttemptSeen[]> {
  const root = await workflow.getHandle(fleetWorkflowId(fleetId)).fetchHistory();
  const batches = (root.events ?? []).flatMap(
    ({ startChildWorkflowExecutionInitiatedEventAttributes: child }) => child?.workflowId ?? [],
  );
  const histories = await Promise.all(batches.map((batch) => workflow.getHandle(batch).fetchHistory()));
  return histories.flatMap(({ events }) => {
    const scheduled = new Map(
      (events ?? []).map(({ eventId, activityTaskScheduledEventAttributes: activity }) => [
        String(eventId),
        activity?.activityType?.name === 'runSubagent' ? activity.activityId! : undefined,
      ]),
    );
    return (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }): AttemptSeen[] => {
      const activity = started && scheduled.get(String(started.scheduledEventId));
      if (!started || !activity) return [];
      const { attempt, lastFailure } = started;
      const before = lastFailure?.timeoutFailureInfo ? 'timeout' : lastFailure?.applicationFailureInfo?.type;
      return [{ activity, attempt: attempt!, ...(before && { before }) }];
    });
  });
}
