import { Worker } from 'node:worker_threads';
import { EgressFailed } from './egress.ts';
import { Gate } from './gate.ts';

export interface MarkdownOptions {
  timeoutMs: number;
  memoryMb: number;
  maxChars: number;
}

/** Turns a page into text. Rejects with `EgressFailed` where it asks for too much, or with `signal.reason`. */
export type ToMarkdown = (html: string, url: string, signal: AbortSignal) => Promise<string>;

/** A page costs a core while it is read, and threads share the worker's cores with everybody. */
const PAGES_AT_ONCE = 2;
const ENTRY = new URL(`./markdown-thread${import.meta.url.endsWith('.js') ? '.js' : '.ts'}`, import.meta.url);

/** Each page in a thread of its own, with an end: parsers and converters recurse and grow with what a stranger wrote. */
export function createMarkdown(options: MarkdownOptions): ToMarkdown {
  const gate = new Gate(PAGES_AT_ONCE);
  return (html, url, signal) => gate.run(signal, () => inThread({ html, url }, options, signal));
}

async function inThread(
  page: { html: string; url: string },
  { timeoutMs, memoryMb, maxChars }: MarkdownOptions,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const thread = new Worker(ENTRY, {
    workerData: { ...page, maxChars },
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 16 },
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
  });
  const abort = (): void => reject(signal.reason as Error);
  const timer = setTimeout(() => reject(unreadable(`takes longer than ${timeoutMs / 1000} s`)), timeoutMs);
  signal.addEventListener('abort', abort, { once: true });
  thread.once('message', resolve);
  thread.once('error', (error) => reject(unreadable(`fails (${nameOf(error)})`)));
  thread.once('exit', () => reject(unreadable('ends without a word')));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    await thread.terminate();
  }
}

function unreadable(how: string): EgressFailed {
  return new EgressFailed(`turning the page into text ${how}; look for a plainer version of it`);
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error ? String(error.code) : error.name;
}
