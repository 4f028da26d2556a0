import { InvalidArgumentError } from 'commander';
import { MAX_CONCURRENCY, MICRO_USD } from '../../workflows/contract/limits.ts';
import { DURATION_HINT, parseDuration } from '../spec/duration.ts';
import { MONEY_HINT, parseMicroUsd } from '../spec/money.ts';

/** Values of flags; what does not fit is a usage error that says what to write. */

export function wholeNumber(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
    throw new InvalidArgumentError(`write a whole number from 1 to ${most}`);
  };
}

export const concurrency = wholeNumber(MAX_CONCURRENCY);

export function microUsd(text: string): number {
  const value = parseMicroUsd(text);
  if (value === undefined) throw new InvalidArgumentError(`write ${MONEY_HINT}`);
  return value;
}

export const usd = (text: string): number => microUsd(text) / MICRO_USD;

export function duration(text: string): number {
  const value = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (value === undefined) throw new InvalidArgumentError(`write ${DURATION_HINT}`);
  return value;
}

/** `gc` may look back further than a run may last. */
export function age(text: string): number {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const ms = days === undefined ? parseDuration(/^\d+$/.test(text) ? Number(text) : text) : Number(days) * 86_400_000;
  if (ms === undefined) throw new InvalidArgumentError('write a duration such as 30d, 12h or 90m');
  return ms;
}

/** `-p KEY=VALUE`, again and again. */
export function keyValue(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('write -p KEY=VALUE');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** A flag that may be repeated, one value each time. */
export const repeated = (text: string, before: string[] = []): string[] => [...before, text];

/** Several rules in one text, as `claude` takes them: at commas outside of brackets. */
export const ruleList = (text: string, before: string[] = []): string[] => [
  ...before,
  ...(text.match(/[^,(]+(?:\([^)]*\)[^,(]*)*/g) ?? []).map((rule) => rule.trim()).filter(Boolean),
];

export function oneOf<T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new InvalidArgumentError(`write one of ${choices.join(', ')}`);
    return found;
  };
}
