import { hash } from 'node:crypto';
import { modelFacts } from '../../activities/claude/prices.ts';
import { badRequest } from './problem.ts';
import type { RequestBody } from './script.ts';
import { tokensOf } from './tokens.ts';
import { blocksOf } from './transcript.ts';

/** Input as the provider bills it. */
export interface InputUsage {
  input_tokens: number;
  cache_read_input_tokens: number;
  cache_creation: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number };
}

type Ttl = '5m' | '1h';

/** One block of the prompt in the order of the cache: tools, system, messages. */
interface Segment {
  json: string;
  tokens: number;
  marker?: Ttl;
}

interface Breakpoint {
  at: number;
  key: string;
  tokens: number;
  ttl: Ttl;
}

const TTL_MS: Readonly<Record<Ttl, number>> = { '5m': 300_000, '1h': 3_600_000 };
/** Both as in the project's own reference on Anthropic's prompt caching, November 2026. */
const MAX_BREAKPOINTS = 4;
const LOOK_BACK_BLOCKS = 20;
const SWEEP_ENTRIES = 100_000;

/** Tokens of a whole prompt, as `count_tokens` and the bill have it. */
export function promptTokens(body: RequestBody): number {
  return sum(segmentsOf(body));
}

/** Prompt cache of one make-believe provider: prefixes by content, model and caller, kept 5 minutes or an hour. */
export class PrefixCache {
  readonly #entries = new Map<string, number>();
  #sweepAt = SWEEP_ENTRIES;

  /**
   * Prices a prompt against what is readable now. `begin` makes its own prefixes readable: call it when the first byte of
   * the answer goes out, as the provider does. Throws a 400 for more markers than the API takes.
   */
  meter(body: RequestBody, caller: string, nowMs: number): { usage: InputUsage; begin: (nowMs: number) => void } {
    const segments = segmentsOf(body);
    const keys = chain(segments, `${body.model}\n${caller}`);
    const breakpoints = breakpointsOf(segments, keys, modelFacts(body.model).minCacheTokens);
    const hitAt = this.#hit(breakpoints, keys, nowMs);
    const read = hitAt === undefined ? 0 : sum(segments.slice(0, hitAt + 1));
    const written = { '5m': 0, '1h': 0 };
    let covered = read;
    for (const { tokens, ttl } of breakpoints) {
      written[ttl] += Math.max(0, tokens - covered);
      covered = Math.max(covered, tokens);
    }
    return {
      usage: {
        input_tokens: sum(segments) - covered,
        cache_read_input_tokens: read,
        cache_creation: { ephemeral_5m_input_tokens: written['5m'], ephemeral_1h_input_tokens: written['1h'] },
      },
      begin: (beginMs) => this.#keep(breakpoints, beginMs),
    };
  }

  /** The longest readable prefix that ends at a breakpoint or up to twenty blocks before one. */
  #hit(breakpoints: readonly Breakpoint[], keys: readonly string[], nowMs: number): number | undefined {
    for (const { at } of breakpoints.toReversed()) {
      for (let back = at; back >= 0 && back > at - LOOK_BACK_BLOCKS; back -= 1) {
        const readableUntilMs = this.#entries.get(keys[back] ?? '');
        if (readableUntilMs !== undefined && readableUntilMs > nowMs) return back;
      }
    }
    return undefined;
  }

  /** Writes and, since all breakpoints up to a hit are hits too, renews. */
  #keep(breakpoints: readonly Breakpoint[], nowMs: number): void {
    for (const { key, ttl } of breakpoints) {
      this.#entries.set(key, Math.max(this.#entries.get(key) ?? 0, nowMs + TTL_MS[ttl]));
    }
    if (this.#entries.size < this.#sweepAt) return;
    for (const [key, readableUntilMs] of this.#entries) {
      if (readableUntilMs <= nowMs) this.#entries.delete(key);
    }
    // Where most of them still live, the next sweep is as far away again: each entry is looked at a bounded number of times.
    this.#sweepAt = Math.max(SWEEP_ENTRIES, 2 * this.#entries.size);
  }
}

/** Each key names the whole prefix up to its segment. */
function chain(segments: readonly Segment[], seed: string): string[] {
  let last = -1;
  segments.forEach((segment, at) => (last = segment.marker === undefined ? last : at));
  let key = seed;
  // Behind the last breakpoint nothing is ever looked up.
  return segments.slice(0, last + 1).map(({ json }) => (key = hash('sha1', key + json, 'base64')));
}

function breakpointsOf(segments: readonly Segment[], keys: readonly string[], minTokens: number): Breakpoint[] {
  const breakpoints: Breakpoint[] = [];
  let tokens = 0;
  segments.forEach((segment, at) => {
    tokens += segment.tokens;
    if (segment.marker !== undefined) breakpoints.push({ at, key: keys[at] ?? '', tokens, ttl: segment.marker });
  });
  if (breakpoints.length > MAX_BREAKPOINTS) {
    throw badRequest(`A maximum of 4 blocks with cache_control may be provided. Found ${breakpoints.length}.`);
  }
  if (breakpoints.some(({ ttl }, n) => ttl === '1h' && breakpoints.slice(0, n).some((one) => one.ttl === '5m'))) {
    throw badRequest('cache_control: a ttl of 1h must not come after a ttl of 5m');
  }
  return breakpoints.filter((breakpoint) => breakpoint.tokens >= minTokens);
}

function segmentsOf(body: RequestBody): Segment[] {
  const { tools, system, messages, cache_control } = body;
  const segments = tools === undefined || tools.length === 0 ? [] : [toolSegment(tools)];
  if (typeof system === 'string') segments.push(segment({ text: system }, 'system'));
  else segments.push(...(system ?? []).map((block) => segment(block, 'system')));
  // A change of these spoils what is cached of the messages, and leaves tools and system alone.
  const settings = JSON.stringify([body.thinking, body.tool_choice]);
  for (const message of messages) {
    segments.push(...blocksOf(message).map((block) => segment(block, `${message.role} ${settings}`)));
  }
  const last = segments.at(-1);
  if (cache_control && last !== undefined) last.marker ??= cache_control.ttl ?? '5m';
  return segments;
}

/** The whole list as one: nothing caches half of it, and it is the longest thing to hash. */
function toolSegment(tools: NonNullable<RequestBody['tools']>): Segment {
  const marker = tools.map((tool) => ('cache_control' in tool ? tool.cache_control : undefined)).findLast(Boolean);
  return { ...measured(JSON.stringify(tools), 'tools'), ...(marker ? { marker: marker.ttl ?? '5m' } : {}) };
}

function segment(block: object, role: string): Segment {
  if (!('cache_control' in block)) return measured(JSON.stringify(block), role);
  const { cache_control: marker, ...content } = block as { cache_control?: { ttl?: Ttl } | null };
  return { ...measured(JSON.stringify(content), role), ...(marker ? { marker: marker.ttl ?? '5m' } : {}) };
}

function measured(json: string, role: string): Segment {
  return { json: role + json, tokens: tokensOf(json) };
}

function sum(segments: readonly Segment[]): number {
  return segments.reduce((total, { tokens }) => total + tokens, 0);
}
