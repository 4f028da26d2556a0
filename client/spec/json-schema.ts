import { z } from 'zod';
import { FleetShape } from './shapes.ts';

/** The fleet file as a JSON Schema draft-07 (yaml-language-server reads no later one). A fresh object each time. */
export function fleetJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(FleetShape, { target: 'draft-7', io: 'input' });
  return {
    ...schema,
    title: 'muster fleet file',
    description: 'A fleet of Claude subagents: a list of `tasks`, or one `task` over `targets`.',
    oneOf: [
      { required: ['tasks'], not: { anyOf: [{ required: ['task'] }, { required: ['targets'] }] } },
      { required: ['task', 'targets'], not: { required: ['tasks'] } },
    ],
  };
}
