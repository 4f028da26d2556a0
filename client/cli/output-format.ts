/** What `run` and `watch` print on stdout. */
export type OutputFormat = 'text' | 'json' | 'stream-json';
export const OUTPUT_FORMATS: readonly OutputFormat[] = ['text', 'json', 'stream-json'];

/** What the other commands print. */
export type PlainFormat = 'text' | 'json';
export const PLAIN_FORMATS: readonly PlainFormat[] = ['text', 'json'];
