import { cutText, withoutControls } from './text.ts';

const MAX_KEYS = 20;
const MAX_CHARS = 200;

/** What a model sent, small enough to keep with a result: long texts cut, what is nested as cut JSON. */
export function compactInput(input: unknown): Record<string, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return {};
  const entries = Object.entries(input).slice(0, MAX_KEYS);
  return Object.fromEntries(entries.map(([key, value]) => [cutText(key, 100), compactValue(value)]));
}

function compactValue(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return cutText(withoutControls(text), MAX_CHARS);
}
