import type { SpawnOf } from './units.ts';

/** The only file that spells ids, queue names and store keys. */

export const FLEET_WORKFLOW = 'fleetWorkflow';
export const BATCH_WORKFLOW = 'batchWorkflow';
export const SCHEDULED_FLEET_WORKFLOW = 'scheduledFleetWorkflow';

/** Workflow id of a fleet's root. A later generation of a closed fleet reuses it. */
export const fleetWorkflowId = (fleetId: string): string => `fleet/${fleetId}`;
export const batchWorkflowId = (fleetId: string, generation: number, batch: number): string =>
  `fleet/${fleetId}/batch/${generation}-${batch}`;
/** The fleet id inside a root's workflow id; undefined for any other workflow. */
export const fleetIdOf = (workflowId: string): string | undefined => /^fleet\/([^/]+)$/.exec(workflowId)?.[1];
/** The fleet that a root or a batch belongs to; undefined for any other workflow. */
export const fleetOf = (workflowId: string): string | undefined => /^fleet\/([^/]+)/.exec(workflowId)?.[1];
/** Temporal's id of a schedule, and what the workflow ids of its firings begin with. */
export const scheduleId = (name: string): string => `schedule/${name}`;
/** The name inside Temporal's id; undefined for a schedule of others. */
export const scheduleNameOf = (id: string): string | undefined => /^schedule\/([^/]+)$/.exec(id)?.[1];
/** Stable over attempts, distinct for each dispatch of a subagent. */
export const activityId = (index: number, epoch: number): string => `subagent/${index}/${epoch}`;

/** Task queue of workflows and short bookkeeping activities. */
export const FLEET_QUEUE = 'muster-fleet';
/** Task queue of exchanges with scripts. */
export const SCRIPTS_QUEUE = 'muster-scripts';
/** Task queue of subagents that use one Claude endpoint and credential, by their fingerprint. */
export const agentsQueue = (fingerprint: string): string => `muster-agents-${fingerprint}`;

/**
 * Memo of a root: the fleet's state, with the reason when paused, as `paused:budget_reached`. A memo, because a search
 * attribute must be registered on the server first, and an upsert of an unknown one blocks the workflow.
 */
export const FLEET_STATE_MEMO = 'FleetState';
/** Memo of a firing: the id of its fleet, once that has begun. */
export const SCHEDULED_FLEET_MEMO = 'ScheduledFleet';
/** Records of the artifact store (compare-and-swap), by key. */
export const recordKeys = {
  fleets: 'fleets/',
  fleet: (fleetId: string) => `fleets/${fleetId}/fleet`,
  summary: (fleetId: string) => `fleets/${fleetId}/summary`,
  /** Fence, checkpoint and result of one subagent in one generation. */
  subagent: (fleetId: string, index: number, generation: number) => `${subagentPrefix(fleetId, index)}/${generation}`,
  /** All generations of one subagent. */
  generations: (fleetId: string, index: number) => `${subagentPrefix(fleetId, index)}/`,
  /** Hash of an MCP server's tools as the fleet first saw them; written once. */
  mcpPin: (fleetId: string, server: string) => `fleets/${fleetId}/mcp/${server}`,
  /** Where the tasks of spawned subagents stand, `SPAWNED_PAGE` indexes a record, counted from the first index after the manifest's. */
  spawned: (fleetId: string, page: number) => `fleets/${fleetId}/spawned/${page}`,
  /** The root's answer to one request of a parent. */
  spawnAnswer: ({ fleetId, spawner, generation, seq }: SpawnOf) =>
    `fleets/${fleetId}/spawns/${spawner}/${generation}/${seq}`,
  /** One exchange with the fleet's script. */
  exchange: (fleetId: string, generation: number, exchange: number) =>
    `fleets/${fleetId}/script/${generation}/${exchange}`,
  /** All that is kept of one fleet. */
  all: (fleetId: string) => `fleets/${fleetId}/`,
  /** Keeps the draft of a schedule from being collected: one record for each time it was created. */
  scheduleDraft: (name: string, draft: string) => `schedules/${name}/${draft.replace('sha256:', '')}`,
  /** All that is kept of one schedule. */
  schedule: (name: string) => `schedules/${name}/`,
  idempotency: (keyHash: string) => `idempotency/${keyHash}`,
  /** The git bundle that holds a tree: a workspace is bundled once. */
  bundles: 'bundles/',
  bundle: (tree: string) => `bundles/${tree.slice(0, 2)}/${tree}`,
  reuse: (key: string, occurrence: number) => `reuse/${key.slice(0, 2)}/${key}-${occurrence}`,
};

/** A thousand subagents a directory: file systems and S3 listings stay quick at 100,000. */
function subagentPrefix(fleetId: string, index: number): string {
  return `fleets/${fleetId}/subagents/${Math.floor(index / 1000)}/${index}`;
}
