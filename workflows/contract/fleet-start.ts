import { FLEET_STATE_MEMO } from './ids.ts';
import type { FleetCarry, FleetInput } from './messages.ts';
import type { FleetRecord } from './task.schema.ts';

/** What the root of a fleet's newest generation starts with, whoever starts it. */
export function fleetInputOf(fleet: FleetRecord, hasGraph: boolean, carry?: FleetCarry): FleetInput {
  const { id, name, manifest, count, generation, limits, agentsQueue, maxTimeoutMs, startedAtMs, kind, rollout } =
    fleet;
  return {
    ...{ v: 1, fleetId: id, name, manifest, count, hasGraph, maxTimeoutMs, limits, agentsQueue, generation },
    startedAtMs,
    ...(kind === 'script' && { hasScript: true }),
    ...(rollout && { rollout }),
    ...(carry && { carry }),
  };
}

/** Of a first generation, some of whose subagents have ended before it starts; undefined: none has. */
export function firstCarry(units: string | undefined): FleetCarry | undefined {
  if (units === undefined) return undefined;
  return { units, generations: [], parked: [], spentMicroUsd: 0, batches: 0, state: 'running' };
}

export const rootMemo = (name: string): Record<string, string> => ({ name, [FLEET_STATE_MEMO]: 'running' });
