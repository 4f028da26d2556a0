import { z } from 'zod';
import { isRecord, toSnake } from '../spec/keys.ts';
import { TaskShape } from '../spec/task-shape.ts';

type Json = Record<string, unknown>;

const Variables = z.record(z.string(), z.union([z.string(), z.int(), z.boolean()]));
const shape = TaskShape.extend({
  workingDirectory: z
    .string()
    .optional()
    .meta({
      description:
        "Directory, relative to the server's. Inside a git repository the workspace is the whole repository as it stands.",
      examples: ['packages/parser'],
    }),
  // Names alone would hand out what stands in the server's environment: see `Review`.
  env: Variables.optional().meta({ description: 'Variables of its shell. Never secrets.', examples: [{ CI: '1' }] }),
});

/**
 * A task as the schema of a tool shows it: that of the fleet file, in the spelling of JSON task files (contracts §1).
 * What is wrong with a task is said by the reader of task lists, all faults at once.
 */
export const Task = z.record(z.string(), z.unknown()).meta(taskSchema());

function taskSchema(): Json {
  const schema: Json = { ...z.toJSONSchema(shape, { io: 'input' }) };
  delete schema['$schema']; // it stands inside another one
  return within(schema);
}

/** Keys of properties and of examples, at any depth; the words of JSON Schema stay. */
function within(schema: Json): Json {
  return Object.fromEntries(
    Object.entries(schema).map(([word, value]) => {
      if (word === 'properties') return [word, mapObject(value as Json, toSnake, (each) => within(each as Json))];
      if (word === 'required') return [word, (value as string[]).map(toSnake)];
      if (word === 'examples' || word === 'default') return [word, renamed(value)];
      if (Array.isArray(value)) return [word, value.map((each: unknown) => (isRecord(each) ? within(each) : each))];
      return [word, isRecord(value) ? within(value) : value];
    }),
  );
}

function renamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamed);
  // Names in capitals are variables of an environment.
  const spell = (key: string): string => (/^[A-Z_]+$/.test(key) ? key : toSnake(key));
  return isRecord(value) ? mapObject(value, spell, renamed) : value;
}

function mapObject(object: Json, key: (key: string) => string, value: (value: unknown) => unknown): Json {
  return Object.fromEntries(Object.entries(object).map(([name, each]) => [key(name), value(each)]));
}
