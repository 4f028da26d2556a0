import { closest, distance } from 'fastest-levenshtein';

/** An object that holds keys: no list, no null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const toSnake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
export const toCamel = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The nearest of `names` when it is near enough to be a slip of the finger. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const best = closest(name, names);
  return distance(name, best) <= Math.min(name.length - 1, Math.max(2, Math.floor(name.length / 3))) ? best : undefined;
}
