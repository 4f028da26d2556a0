import type { Priority, SearchAttributePair } from '@temporalio/common';
import { FLEET_STATE_MEMO } from './ids.ts';
import type { FleetCarry, FleetInput } from './messages.ts';
import { FLEET_NAME, FLEET_STATE, FLEET_TEAM, keyword } from './search-attributes.ts';
import type { FleetRecord } from './task.schema.ts';

/** What the root of a fleet's newest generation starts with, whoever starts it. */
export function fleetInputOf(fleet: FleetRecord, hasGraph: boolean, carry?: FleetCarry): FleetInput {
  const { id, name, manifest, count, generation, limits, agentsQueue, maxTimeoutMs, startedAtMs, kind, rollout } =
    fleet;
  const { team, priority } = fleet;
  return {
    ...{ v: 1, fleetId: id, name, manifest, count, hasGraph, maxTimeoutMs, limits, agentsQueue, generation },
    startedAtMs,
    ...(kind === 'script' && { hasScript: true }),
    ...(rollout && { rollout }),
    ...(carry && { carry }),
    ...(team !== undefined && { team }),
    ...(priority !== undefined && { priority }),
  };
}

/** Of a first generation, some of whose subagents have ended before it starts; undefined: none has. */
export function firstCarry(units: string | undefined): FleetCarry | undefined {
  if (units === undefined) return undefined;
  return { units, generations: [], parked: [], spentMicroUsd: 0, batches: 0, state: 'running' };
}

/** What Temporal is told of a root beside its input: how it is found, and when its work, batches and activities, has its turn. */
export function rootOptionsOf({ fleetId, name, team, priority, hasSearchAttributes }: FleetInput): {
  memo: Record<string, string>;
  priority: Priority;
  typedSearchAttributes?: SearchAttributePair[];
} {
  return {
    memo: { name, [FLEET_STATE_MEMO]: 'running' },
    priority: { fairnessKey: team ?? fleetId, ...(priority !== undefined && { priorityKey: priority }) },
    ...(hasSearchAttributes && {
      typedSearchAttributes: [
        { key: FLEET_NAME, value: keyword(name) },
        { key: FLEET_STATE, value: 'running' },
        ...(team === undefined ? [] : [{ key: FLEET_TEAM, value: keyword(team) }]),
      ],
    }),
  };
}
