import type { Connection } from '@temporalio/client';
import { FLEET_QUEUE } from '../../workflows/contract/ids.ts';

/** `temporal.api.enums.v1.TaskQueueType`. */
const WORKFLOW = 1;
const ACTIVITY = 2;

/** A poll is held for a minute and its poller listed for five; older than this, nobody came back. */
const FRESH_MS = 90_000;

/** Milliseconds of the newest poll, by the server's clock; 0: none. */
export interface Polls {
  fleet: number;
  agents: number;
}

/** Who serves the fleets' workflows and this queue of subagents. */
export async function readPolls(connection: Connection, namespace: string, agentsQueue: string): Promise<Polls> {
  const [fleet, agents] = await Promise.all([
    newestPoll(connection, namespace, FLEET_QUEUE, WORKFLOW),
    newestPoll(connection, namespace, agentsQueue, ACTIVITY),
  ]);
  return { fleet, agents };
}

export function isFresh({ fleet, agents }: Polls): boolean {
  return Math.min(fleet, agents) > Date.now() - FRESH_MS;
}

/** Whether both were polled since `before` was read: no two clocks are compared. */
export function hasNewer(polls: Polls, before: Polls): boolean {
  return polls.fleet > before.fleet && polls.agents > before.agents;
}

async function newestPoll(
  { workflowService }: Connection,
  namespace: string,
  name: string,
  taskQueueType: typeof WORKFLOW | typeof ACTIVITY,
): Promise<number> {
  const { pollers } = await workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType });
  const times = (pollers ?? []).map(({ lastAccessTime: time }) =>
    time ? Number(time.seconds ?? 0) * 1_000 + (time.nanos ?? 0) / 1e6 : 0,
  );
  return Math.max(0, ...times);
}
