import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { fleetJsonSchema } from '../../../client/spec/json-schema.ts';
import { FLEET_KEYS, NESTED_KEYS, TASK_KEYS } from '../../../client/spec/keys.ts';
import { EXPECTED } from '../../../client/spec/expected.ts';
import { McpServerShape } from '../../../client/spec/mcp-shape.ts';
import { FleetShape } from '../../../client/spec/shapes.ts';
import { TaskShape } from '../../../client/spec/task-shape.ts';

test('the schema is draft-07, describes every key, and refuses unknown ones', () => {
  const schema = fleetJsonSchema();
  expect(schema['$schema']).toBe('http://json-schema.org/draft-07/schema#');
  const properties = schema['properties'] as Record<string, { description?: string; properties: typeof properties }>;
  for (const key of FLEET_KEYS.known) expect(properties[key]?.description, key).toBeTruthy();
  for (const key of TASK_KEYS.known) expect(properties['task']!.properties[key]?.description, key).toBeTruthy();
  const validate = new Ajv({ strict: false }).compile(schema);
  expect(validate({ tasks: [{ prompt: 'a' }] })).toBe(true);
  expect(validate({ tasks: [{ promt: 'a' }] })).toBe(false);
  expect(validate({ tasks: [{ prompt: 'a' }], task: { prompt: 'a' } })).toBe(false);
});

test('key tables, shapes and hints speak of the same keys', () => {
  expect([...FLEET_KEYS.known].sort()).toEqual(Object.keys(FleetShape.shape).sort());
  expect([...TASK_KEYS.known].sort()).toEqual(Object.keys(TaskShape.shape).sort());
  expect([...NESTED_KEYS['mcpServers']!.known].sort()).toEqual(Object.keys(McpServerShape.shape).sort());
  for (const key of [...FLEET_KEYS.known, ...TASK_KEYS.known]) {
    if (!['task', 'tasks', 'context'].includes(key)) expect(EXPECTED[key], key).toBeTruthy();
  }
});
