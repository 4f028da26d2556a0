import type { NativeConnection, Worker } from '@temporalio/worker';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createLog } from '../../activities/observe/log.ts';
import { FLEET_QUEUE, FLEET_STATE_MEMO, agentsQueue } from '../../workflows/contract/ids.ts';
import { readWorkerConfig } from '../../workers/config.ts';
import { watchWorkers } from '../../workers/worker-metrics.ts';

const worker = (taskQueue: string, inFlight: number): Worker =>
  ({ options: { taskQueue }, getStatus: () => ({ numInFlightActivities: inFlight }) }) as unknown as Worker;

/** A registry over these workers and a Temporal that answers with the memos of open fleets, or not at all. */
function watched(role: string, answer: () => unknown[], workers: Worker[] = []) {
  const registry = new Registry();
  let asked = 0;
  const listWorkflowExecutions = async () => {
    asked++;
    const executions = answer().map((state) => {
      if (state === undefined) return { memo: null };
      const payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(state)) };
      return { memo: { fields: { [FLEET_STATE_MEMO]: payload } } };
    });
    return { executions };
  };
  const config = readWorkerConfig(['--role', role], {
    ...{ MUSTER_HOME: '/nowhere', ANTHROPIC_API_KEY: 'key-of-nobody-at-all', MUSTER_WORKER_SLOTS: '10' },
  });
  const connection = { workflowService: { listWorkflowExecutions } } as unknown as NativeConnection;
  watchWorkers(registry, { config, connection, workers, log: createLog('silent') });
  const series = async (name: string) =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`));
  return { series, asked: () => asked };
}

describe('an orchestrator', () => {
  it('counts open fleets by state, zeros too, and what it does not understand as other', async () => {
    const states = ['running', 'running', 'paused:approval', 'paused:of-a-version-to-come', 7, undefined];
    const { series } = watched('orchestrator', () => states);
    expect(await series('fleet_states')).toEqual(
      expect.arrayContaining([
        'fleet_states{state="running"} 2',
        'fleet_states{state="paused:approval"} 1',
        'fleet_states{state="paused:user"} 0',
        'fleet_states{state="other"} 3',
      ]),
    );
  });

  it('asks Temporal once, however many collect within seconds', async () => {
    const { series, asked } = watched('all', () => ['running']);
    const answers = await Promise.all([series('fleet_states'), series('fleet_states')]);
    for (const answer of [...answers, await series('fleet_states')])
      expect(answer).toContain('fleet_states{state="running"} 1');
    expect(asked()).toBe(1);
  });

  it('tells nothing of fleets, and the rest all the same, while Temporal does not answer', async () => {
    const away = (): never => {
      throw new Error('14 UNAVAILABLE');
    };
    const { series } = watched('all', away, [worker(FLEET_QUEUE, 3)]);
    expect(await series('fleet_states')).toEqual([]);
    expect(await series('fleet_worker_activities_in_flight')).toHaveLength(1);
  });
});

describe('a worker for subagents', () => {
  it('tells how many it has and how many may come, and leaves fleets to orchestrators', async () => {
    const { series, asked } = watched('subagent', () => [], [worker(agentsQueue('f'), 4)]);
    expect(await series('fleet_permits')).toEqual(['fleet_permits{state="used"} 4', 'fleet_permits{state="free"} 6']);
    expect(await series('fleet_states')).toEqual([]);
    expect(asked()).toBe(0);
  });

  it('that has more under way than slots, as while it drains, has none free', async () => {
    const { series } = watched('subagent', () => [], [worker(agentsQueue('f'), 12)]);
    expect(await series('fleet_permits')).toContain('fleet_permits{state="free"} 0');
  });
});
