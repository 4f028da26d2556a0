import type { z } from 'zod';
import type { FaultList } from './fault-list.ts';
import { EXPECTED } from './shapes.ts';
import type { Path } from './source-document.ts';

/** The parsed value, or undefined with every mismatch added as a fault. `path` is where `value` stands in the file. */
export function checkShape<T>(shape: z.ZodType<T>, value: unknown, path: Path, faults: FaultList): T | undefined {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const inside = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
    const key = inside.findLast((part) => typeof part === 'string' && part in EXPECTED);
    const found = inside.reduce<unknown>(
      (here, part) => (here as Record<string | number, unknown> | undefined)?.[part],
      value,
    );
    const name = `\`${inside.join('.') || 'value'}\``;
    const message = found === undefined ? `${name} is missing` : `${name} is ${describe(found)}`;
    faults.add(
      [...path, ...inside],
      message,
      `write ${key === undefined ? 'what the schema asks for' : EXPECTED[key]}`,
    );
  }
  return undefined;
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
