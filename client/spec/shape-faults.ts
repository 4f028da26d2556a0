import type { z } from 'zod';
import type { FaultList } from './fault-list.ts';
import { EXPECTED } from './expected.ts';
import { FleetHead } from './shapes.ts';
import { TaskShape } from './task-shape.ts';
import type { Path } from './source-document.ts';

/**
 * The head of a fleet file. What is wrong becomes faults and is left out, so that the rest is looked at as well: all
 * faults are told at once.
 */
export function checkHead(value: Record<string, unknown>, faults: FaultList): FleetHead {
  return without(value, check(FleetHead, value, [], faults));
}

/** A task's shape, likewise; a wrong prompt becomes an empty one. */
export function checkTask(value: unknown, path: Path, faults: FaultList): TaskShape {
  const wrong = check(TaskShape, value, path, faults);
  return wrong.size === 0 ? (value as TaskShape) : { prompt: '', ...without(value as object, wrong) };
}

function without(value: object, keys: ReadonlySet<unknown>): object {
  return keys.size === 0 ? value : Object.fromEntries(Object.entries(value).filter(([key]) => !keys.has(key)));
}

/** Adds a fault for each mismatch of `value`, which stands at `path`; answers which of its keys are wrong. */
function check(shape: z.ZodType, value: unknown, path: Path, faults: FaultList): ReadonlySet<unknown> {
  const parsed = shape.safeParse(value);
  const issues = parsed.error?.issues.flatMap(mostExact) ?? [];
  for (const issue of issues) {
    const inside = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
    const key = inside.findLast((part) => typeof part === 'string' && part in EXPECTED);
    const at = (here: unknown, part: string | number): unknown =>
      (here as Record<string | number, unknown> | undefined)?.[part];
    const found = inside.reduce<unknown>(at, value);
    const name = `\`${inside.join('.') || 'value'}\``;
    const message = found === undefined ? `${name} is missing` : `${name} is ${describe(found)}`;
    faults.add(
      [...path, ...inside],
      message,
      `write ${key === undefined ? 'what the schema asks for' : EXPECTED[key]}`,
    );
  }
  return new Set(issues.map((issue) => issue.path[0]));
}

type Issue = z.core.$ZodIssue;

/** Of alternatives the one whose outer form fits speaks; where none does, the whole value is wrong. */
function mostExact(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const fitting = issue.errors.find((branch) => branch.length > 0 && branch.every(({ path }) => path.length > 0));
  if (!fitting) return [issue];
  return fitting.flatMap((inner) => mostExact({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** A value in a few words, for messages. */
export function describe(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (value === '') return 'an empty text';
  if (typeof value !== 'string') return String(value);
  return `the text ${JSON.stringify(value.length > 40 ? value.slice(0, 40) + '…' : value)}`;
}
