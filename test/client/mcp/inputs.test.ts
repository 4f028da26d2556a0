import { expect, it } from 'vitest';
import type { z } from 'zod';
import { FleetResults, RunWorkflow, SpawnSubagents } from '../../../client/mcp/inputs.ts';
import { TASK_KEYS, toSnake } from '../../../client/spec/keys.ts';

interface Json {
  [word: string]: Json;
}

const schemaOf = (input: z.ZodType): Json =>
  input['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as unknown as Json;
const faultsOf = (input: z.ZodType, value: unknown): string[] =>
  input.safeParse(value).error?.issues.map(({ message }) => message) ?? [];

it('shows every key of a task, in the spelling of JSON task files', () => {
  const task = schemaOf(SpawnSubagents)['properties']!['tasks']!['items']!;
  expect(Object.keys(task['properties']!).sort()).toEqual([...TASK_KEYS.known].map(toSnake).sort());
  expect(task['required']).toEqual(['prompt']);
  expect(JSON.stringify(task)).not.toMatch(/maxAttempts|maxBudgetUsd|this file/);
  expect(task['properties']!['retry']!['properties']).toHaveProperty('max_attempts');
  expect(task['properties']!['env']).toMatchObject({ type: 'object', examples: [{ CI: '1' }] });
});

it('leaves to the reader of task lists what is wrong with a task', () => {
  expect(faultsOf(SpawnSubagents, { tasks: [{ promt: 'x' }] })).toEqual([]);
});

it('refuses an unknown argument with the nearest one', () => {
  expect(faultsOf(SpawnSubagents, { tasks: [{}], budget: 5, concurency: 3 })).toEqual([
    expect.stringMatching(
      /^`budget` is no argument of this tool; it has tasks, wait, .*`?; `?.*`concurency` is no argument of this tool; write `concurrency`$/,
    ),
  ]);
});

it.each([
  [SpawnSubagents, { tasks: [] }],
  [SpawnSubagents, { tasks: [{}], wait: 0 }],
  [SpawnSubagents, { tasks: [{}], wait: 'some' }],
  [SpawnSubagents, { tasks: [{}], budget_usd: 0 }],
  [SpawnSubagents, { tasks: [{}], concurrency: 10_001 }],
  [SpawnSubagents, { tasks: [{}], name: 'two\nlines' }],
  [RunWorkflow, { file: '' }],
  [RunWorkflow, { file: 'a', timeout_s: -1 }],
  [FleetResults, { id: 'a', labels: Array<string>(41).fill('a') }],
  [FleetResults, { id: 'a', limit: 0 }],
])('refuses what is out of bounds: %#', (input: z.ZodType, value) => {
  expect(faultsOf(input, value)).not.toEqual([]);
});

it.each([true, false, 'all', 'first', 3])('waits for %s', (wait) => {
  expect(faultsOf(SpawnSubagents, { tasks: [{}], wait })).toEqual([]);
});
