import { z } from 'zod';
import { MAX_CONCURRENCY, MAX_TASKS } from '../../workflows/contract/limits.ts';
import { nearestName } from '../fleet-client/labels.ts';
import { InvalidFleet, type Fault } from '../spec/plan.ts';
import type { FleetSource, StartOptions } from './library.ts';

/** What a program hands over is checked as a user's file is: a misspelt budget would be none. */

const a = (what: string): { error: string } => ({ error: `must be ${what}` });
const whole = (most: number) =>
  z
    .int(a(`a whole number from 1 to ${most}`))
    .min(1)
    .max(most)
    .optional();
const text = z.string(a('a text'));
const texts = z.array(z.string(), a('a list of texts'));
const called = z.custom<never>((value) => typeof value === 'function', a('a function'));

const Options = z.strictObject({
  concurrency: whole(MAX_CONCURRENCY),
  budgetUsd: z.number(a('an amount of US dollars')).positive().optional(),
  maxAgents: whole(MAX_TASKS),
  maxDepth: whole(100),
  model: text.optional(),
  timeoutMs: z.int(a('a whole number of milliseconds')).positive().optional(),
  reuse: z.enum(['auto', 'always', 'never'], a("'auto', 'always' or 'never'")).optional(),
  idempotencyKey: text.optional(),
  allow: texts.optional(),
  deny: texts.optional(),
  signal: z.instanceof(AbortSignal, a('an AbortSignal')).optional(),
  onTalk: called.optional(),
  review: called.optional(),
}) satisfies z.ZodType<{ [K in keyof StartOptions]: unknown }>;

const KINDS = {
  file: z.strictObject({ file: text, params: z.record(z.string(), z.string(), a('texts by name')).optional() }),
  tasks: z.strictObject({ tasks: z.array(z.unknown(), a('a list of tasks')), name: text.optional() }),
  script: z.strictObject({ script: text, args: z.unknown().optional(), name: text.optional() }),
  prompt: z.strictObject({
    prompt: text,
    label: text.optional(),
    name: text.optional(),
    allow: texts.optional(),
    deny: texts.optional(),
  }),
};

/** Throws `InvalidFleet` with all that is wrong. */
export function checkStart(source: FleetSource, options: StartOptions): void {
  const kinds = Object.keys(KINDS).filter((kind) => source[kind as keyof FleetSource] !== undefined);
  const faults = faultsOf('options', Options, options);
  if (kinds.length === 1) faults.push(...faultsOf('source', KINDS[kinds[0] as keyof typeof KINDS], source));
  else faults.push(fault('source', `${kinds.length === 0 ? 'nothing' : kinds.join(' and ')} is given`, ONE_OF));
  if (faults.length > 0) throw new InvalidFleet(faults);
}

/** Throws `InvalidFleet` that names what `Muster.open` does not know. */
export function checkOpen(options: object): void {
  const known = ['cwd', 'home', 'simulate', 'environment', 'readStdin', 'onTalk'];
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  if (unknown.length > 0) throw new InvalidFleet(unknown.map((key) => unknownKey('options', key, known)));
}

const ONE_OF = 'give one of file, tasks, script and prompt';

function faultsOf(file: string, shape: z.ZodObject, value: object): Fault[] {
  const { error } = shape.safeParse(value);
  return (error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey(file, key, Object.keys(shape.shape)))
      : [fault(file, `${issue.path.join('.')} ${issue.message}`, 'change it')],
  );
}

function unknownKey(file: string, key: string, known: readonly string[]): Fault {
  const near = nearestName(key, known);
  return fault(file, `there is no ${key}`, near === undefined ? `there are ${known.join(', ')}` : `write ${near}`);
}

const fault = (file: string, message: string, hint: string): Fault => ({ file, line: 0, column: 0, message, hint });
