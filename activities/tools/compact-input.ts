import { cutText, withoutControls } from './text.ts';

const MAX_KEYS = 20;
const MAX_CHARS = 200;

/**
 * What a model sent, small enough to keep with a result: long texts cut, what is nested as cut JSON. `redact` sees every
 * text whole.
 */
export function compactInput(input: unknown, redact: (text: string) => string): Record<string, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return {};
  const compact = (value: unknown): unknown => {
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    return cutText(redact(withoutControls(text)), MAX_CHARS);
  };
  const entries = Object.entries(input).slice(0, MAX_KEYS);
  return Object.fromEntries(entries.map(([key, value]) => [cutText(redact(key), 100), compact(value)]));
}
