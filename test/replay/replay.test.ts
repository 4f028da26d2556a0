import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DeterminismViolationError } from '@temporalio/workflow';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { workflowBundle } from '../support/fleet-harness.ts';

const HISTORIES = join(import.meta.dirname, 'histories');
const names = readdirSync(HISTORIES).filter((name) => name.endsWith('.json'));

interface History {
  events: Record<string, { workflowType?: { name: string }; activityType?: { name: string } }>[];
}
const load = (name: string): History => JSON.parse(readFileSync(join(HISTORIES, name), 'utf8')) as History;

beforeAll(async () => void (await workflowBundle()));

async function replay(history: History, name: string): Promise<void> {
  await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, name);
}

describe('histories of earlier runs', () => {
  it('are there, of roots, of batches and of firings', () => {
    expect(names.filter((name) => name.startsWith('fleet-')).length).toBeGreaterThan(9);
    expect(names.filter((name) => name.startsWith('batch-')).length).toBeGreaterThan(5);
    expect(names.filter((name) => name.startsWith('scheduled-')).length).toBeGreaterThan(1);
  });

  it.each(names)('replays %s against the workflows as they are now', async (name) => {
    await replay(load(name), name);
  });
});

describe('a crooked twin', () => {
  it.each([
    ['fleet-graph-0.1.0.json', 'startChildWorkflowExecutionInitiatedEventAttributes', 'workflowType'],
    ['fleet-graph-0.1.0.json', 'activityTaskScheduledEventAttributes', 'activityType'],
    ['fleet-spawning-0.1.0.json', 'activityTaskScheduledEventAttributes', 'activityType'],
    ['fleet-script-0.1.0.json', 'activityTaskScheduledEventAttributes', 'activityType'],
    ['scheduled-fired-0.1.0.json', 'startChildWorkflowExecutionInitiatedEventAttributes', 'workflowType'],
    ['scheduled-cancelled-0.1.0.json', 'activityTaskScheduledEventAttributes', 'activityType'],
    ['batch-graph-1-0.1.0.json', 'activityTaskScheduledEventAttributes', 'activityType'],
  ] as const)('of %s, with another type in one %s, is not taken for the same run', async (name, attributes, type) => {
    const twin = load(name);
    const event = twin.events.find((one) => attributes in one);
    event![attributes]![type] = { name: 'another' };
    await expect(replay(twin, name)).rejects.toThrow(DeterminismViolationError);
  });

  it('that waits where the workflow speaks to a batch is not taken for the same run', async () => {
    const twin = load('fleet-steered-0.1.0.json');
    const spoken = twin.events.find((one) => 'signalExternalWorkflowExecutionInitiatedEventAttributes' in one)!;
    delete spoken['signalExternalWorkflowExecutionInitiatedEventAttributes'];
    const timerStartedEventAttributes = { timerId: '1', startToFireTimeout: '1s' };
    Object.assign(spoken, { eventType: 'EVENT_TYPE_TIMER_STARTED', timerStartedEventAttributes });
    await expect(replay(twin, 'steered')).rejects.toThrow(DeterminismViolationError);
  });
});
