import { createContext, Script } from 'node:vm';
import { type AnySchemaObject, type ErrorObject, Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { ToolDefinition } from '../claude/claude.ts';
import { cutText } from './text.ts';

/** The same for every subagent; the schema stands in its first user message. The agent loop runs it. */
export const structuredOutputDefinition: ToolDefinition = {
  name: 'StructuredOutput',
  description:
    'Gives your final answer. Use it only when the first message holds an <output_schema>: call it once, at the end, with an input that fits that schema. An error says what to correct; then call it again.',
  input_schema: { type: 'object', additionalProperties: true },
};

export type OutputCheck = { ok: true; value: unknown } | { ok: false; errors: string[] };

const MAX_SCHEMA_CHARS = 262_144;
const MAX_ERRORS = 20;
const MAX_CACHED = 100;
/** A schema can ask for years of work (patterns that backtrack, references in circles): both steps have an end. */
const TIME_LIMIT_MS = 1_000;

const compiled = new Map<string, ValidateFunction | string>();

/**
 * Whether `value` fits a JSON Schema (2020-12, formats included); the errors are sentences the model can act on. Never
 * throws, never fetches a reference, takes at most about two seconds. A schema no value can be checked against says so.
 */
export function validateOutput(schema: Record<string, unknown>, value: unknown): OutputCheck {
  const text = JSON.stringify(schema);
  const validate = compiled.get(text) ?? compile(text);
  remember(text, validate);
  if (typeof validate === 'string') return { ok: false, errors: [validate] };
  try {
    if (withinTime(() => validate(value)) === true) return { ok: true, value };
    const errors = (validate.errors ?? []).filter(isOwnFault).map(sentence);
    return { ok: false, errors: summary([...new Set(errors)]) };
  } catch {
    return { ok: false, errors: ['the output could not be checked in time; make it shorter and simpler'] };
  }
}

/** What is wrong with a schema of an output, in words; undefined: nothing. As bounded in time as a check. */
export function schemaFault(schema: Record<string, unknown>): string | undefined {
  if (schema['type'] !== 'object') return 'its root is not of type object';
  const text = JSON.stringify(schema);
  const validate = compiled.get(text) ?? compile(text);
  remember(text, validate);
  return typeof validate === 'string' ? validate.slice(UNUSABLE.length).trim() : undefined;
}

/** The least recently used leaves. */
function remember(text: string, validate: ValidateFunction | string): void {
  compiled.delete(text);
  compiled.set(text, validate);
  const [oldest] = compiled.keys();
  if (compiled.size > MAX_CACHED && oldest !== undefined) compiled.delete(oldest);
}

const UNUSABLE = 'the output schema cannot be used:';

function compile(text: string): ValidateFunction | string {
  if (text.length > MAX_SCHEMA_CHARS) return `${UNUSABLE} it is larger than ${MAX_SCHEMA_CHARS} characters`;
  try {
    const schema = JSON.parse(text) as AnySchemaObject;
    const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, ownProperties: true });
    (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
    return withinTime(() => ajv.compile(schema));
  } catch (error) {
    return `${UNUSABLE} ${cutText(error instanceof Error ? error.message : String(error), 500)}`;
  }
}

const sandbox = createContext({ work: undefined as unknown });
const call = new Script('work()');

/** Runs `work` in this thread and throws when it takes too long. The context is no cage, it only has the clock. */
function withinTime<T>(work: () => T): T {
  sandbox['work'] = work;
  try {
    return call.runInContext(sandbox, { timeout: TIME_LIMIT_MS }) as T;
  } finally {
    sandbox['work'] = undefined;
  }
}

/** `if` only says which branch failed; that branch speaks for itself. */
const isOwnFault = ({ keyword }: ErrorObject): boolean => keyword !== 'if';

function summary(errors: string[]): string[] {
  if (errors.length <= MAX_ERRORS) return errors;
  return [...errors.slice(0, MAX_ERRORS), `and ${errors.length - MAX_ERRORS} more faults`];
}

function sentence({ instancePath, keyword, params, message = 'is not valid' }: ErrorObject): string {
  const place = instancePath === '' ? 'the output' : cutText(instancePath, 200);
  const name = (value: unknown): string => JSON.stringify(value);
  const said: Record<string, () => string> = {
    required: () => `lacks the property ${name(params['missingProperty'])}`,
    additionalProperties: () =>
      `has the property ${name(params['additionalProperty'])}, which the schema does not know`,
    unevaluatedProperties: () =>
      `has the property ${name(params['unevaluatedProperty'])}, which the schema does not know`,
    enum: () => `must be one of ${cutText((params['allowedValues'] as unknown[]).map(name).join(', '), 500)}`,
    const: () => `must be ${cutText(name(params['allowedValue']), 200)}`,
    type: () => `must be of type ${[params['type']].flat().join(' or ')}`,
  };
  return `${place} ${said[keyword]?.() ?? cutText(message, 300)}`;
}
