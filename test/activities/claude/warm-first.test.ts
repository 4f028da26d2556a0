import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Claude, ClaudeCall, Message, ToolDefinition } from '../../../activities/claude/claude.ts';
import { createClaude } from '../../../activities/claude/client.ts';
import { PrefixGate } from '../../../activities/claude/prefix-gate.ts';
import type { FaultSpec } from '../../../client/simulated/fault.ts';
import type { JournalEntry } from '../../../client/simulated/journal.ts';
import type { AgentScript } from '../../../client/simulated/script.ts';
import { startSimulatedClaude, type SimulatedClaude } from '../../../client/simulated/server.ts';
import { cacheFigures } from '../../support/cache-figures.ts';

const tools: ToolDefinition[] = ['Read', 'Glob'].map((name) => ({
  name,
  description: `${name} something. `.repeat(100),
  input_schema: { type: 'object' },
}));
const SHARED = `<context name="guide">\n${'Rules for all. '.repeat(600)}\n</context>`;

let home: string;
let simulated: SimulatedClaude | undefined;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'muster-warm-'));
});
afterEach(async () => {
  await simulated?.close();
  await rm(home, { recursive: true });
});

async function provider(faults: FaultSpec[] = [], scripts: AgentScript[] = []): Promise<string> {
  simulated = await startSimulatedClaude({ latency: 30, faults, scripts, journal: join(home, 'journal.jsonl') });
  return simulated.url;
}

/** Answers nobody before so many have asked. */
function together(count: number): AgentScript {
  let asked = 0;
  const all = Promise.withResolvers<void>();
  return {
    name: 'together',
    matches: () => true,
    reply: async () => {
      asked += 1;
      if (asked >= count) all.resolve();
      await all.promise;
      return { blocks: [{ type: 'text', text: 'done' }] };
    },
  };
}

function journal(): JournalEntry[] {
  simulated?.stats(); // brings the file up to date
  const lines = readFileSync(join(home, 'journal.jsonl'), 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as JournalEntry);
}

function callOf(...texts: string[]): ClaudeCall {
  const content = texts.map((text) => ({ type: 'text' as const, text }));
  const messages: Message[] = [{ role: 'user', content }];
  return { model: 'claude-sonnet-5-5', maxTokens: 200, system: 'Be brief. '.repeat(300), tools, messages };
}

const task = (n: number) => `task ${n} [[simulate turns=1 output="done"]]`;

async function admitAndCall(claude: Claude, call: ClaudeCall, signal = new AbortController().signal) {
  const admission = await claude.admit(call, { fleetId: 'f', signal });
  return await claude.call(call, { signal, stallMs: 30_000, admission });
}

/** Tokens of the prefix as the provider counts them: what one more call reads. */
async function shareable(claude: Claude, ...texts: string[]): Promise<number> {
  return (await admitAndCall(claude, callOf(...texts, task(-1)))).usage.cache_read_input_tokens;
}

describe('a launch of 1,000 subagents', () => {
  it('reads at least 95 % of the shareable prefix tokens from the cache', async () => {
    const claude = createClaude({ baseUrl: await provider(), apiKey: 'k' });
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => admitAndCall(claude, callOf(task(n)))));
    const launch = journal();
    const figures = cacheFigures(launch, await shareable(claude));
    expect(figures.launched).toBe(1_000);
    expect(figures.shareableTokens).toBeGreaterThan(1_500);
    expect(figures.readShare).toBeGreaterThanOrEqual(0.95);
    expect(launch.filter(({ usage }) => usage.cache_read_input_tokens === 0)).toHaveLength(1);
  });

  it('pays for all of it where nobody waits for the first', async () => {
    const claude = createClaude({ baseUrl: await provider([], [together(200)]), apiKey: 'k' });
    const options = { signal: new AbortController().signal, stallMs: 30_000 };
    await Promise.all(Array.from({ length: 200 }, (_, n) => claude.call(callOf(task(n)), options)));
    const launch = journal();
    expect(cacheFigures(launch, await shareable(claude)).readShare).toBe(0);
  });

  it('waits for shared data alone where tools and system are too short for the model', async () => {
    const claude = createClaude({ baseUrl: await provider(), apiKey: 'k' });
    const guide = SHARED.repeat(2);
    const haiku = (n: number): ClaudeCall => ({ ...callOf(guide, task(n)), model: 'claude-haiku-4-5' });
    await Promise.all(Array.from({ length: 50 }, (_, n) => admitAndCall(claude, haiku(n))));
    expect(journal().filter(({ usage }) => usage.cache_read_input_tokens < 4_096)).toHaveLength(1);
  });

  it('reads data that tasks share as well, before and beside data of their own', async () => {
    const claude = createClaude({ baseUrl: await provider(), apiKey: 'k' });
    const own = (n: number) => `<context name="own">\n${`Of ${n} alone. `.repeat(400)}\n</context>`;
    const texts = Array.from({ length: 300 }, (_, n) => (n % 3 === 0 ? [SHARED] : [SHARED, own(n)]));
    await Promise.all(texts.map((context, n) => admitAndCall(claude, callOf(...context, task(n)))));
    const launch = journal();
    const figures = cacheFigures(launch, await shareable(claude, SHARED));
    expect(figures.shareableTokens).toBeGreaterThan(3_500);
    expect(figures.readShare).toBeGreaterThanOrEqual(0.95);
  });
});

describe('when the first call of a group', () => {
  const launch = (claude: Claude) =>
    Promise.allSettled(Array.from({ length: 20 }, (_, n) => admitAndCall(claude, callOf(task(n)))));

  it.each<FaultSpec>([
    { kind: 'overloaded', count: 1 },
    { kind: 'reset', count: 1 },
    { kind: 'bad_request', count: 1 },
  ])('fails (%j), the next one warms the prefix for all others', async (fault) => {
    const claude = createClaude({ baseUrl: await provider([fault]), apiKey: 'k' });
    const outcomes = await launch(claude);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    const cold = journal().filter((one) => one.outcome === 'answered' && one.usage.cache_read_input_tokens === 0);
    expect(cold).toHaveLength(1);
  });

  it('breaks off once its response has begun, the others follow at once and read', async () => {
    const claude = createClaude({ baseUrl: await provider([{ kind: 'cut', count: 1 }]), apiKey: 'k' });
    await launch(claude);
    expect(journal().filter(({ usage }) => usage.cache_read_input_tokens === 0)).toHaveLength(1);
  });

  it('is aborted before its response begins, the next one takes over', async () => {
    const claude = createClaude({ baseUrl: await provider([{ kind: 'stall_before_headers', count: 1 }]), apiKey: 'k' });
    const controller = new AbortController();
    const first = admitAndCall(claude, callOf(task(0)), controller.signal);
    const second = admitAndCall(claude, callOf(task(1)));
    await expect.poll(() => simulated?.stats().inFlight).toBe(1);
    controller.abort('over');
    await expect(first).rejects.toBe('over');
    expect((await second).stopReason).toBe('end_turn');
  });

  it('is given back without being made, the next one takes over', async () => {
    const claude = createClaude({ baseUrl: await provider(), apiKey: 'k' });
    const signal = new AbortController().signal;
    const first = await claude.admit(callOf(task(0)), { fleetId: 'f', signal });
    const second = admitAndCall(claude, callOf(task(1)));
    first.release();
    first.release();
    expect((await second).stopReason).toBe('end_turn');
    await expect(claude.call(callOf(task(0)), { signal, stallMs: 1_000, admission: first })).rejects.toThrow(
      'one call',
    );
  });

  it('is silent for too long, the others go without it', async () => {
    const url = await provider([{ kind: 'stall_before_headers', count: 1 }]);
    const claude = createClaude({ baseUrl: url, apiKey: 'k', gate: new PrefixGate({ maxWaitMs: 100 }) });
    const controller = new AbortController();
    const slow = admitAndCall(claude, callOf(task(0)), controller.signal);
    const others = await Promise.all([1, 2, 3].map((n) => admitAndCall(claude, callOf(task(n)))));
    expect(others.map(({ stopReason }) => stopReason)).toEqual(['end_turn', 'end_turn', 'end_turn']);
    controller.abort('over');
    await expect(slow).rejects.toBe('over');
  });
});

describe('a call waits for nobody', () => {
  const admitted = (claude: Claude, call: ClaudeCall) =>
    claude.admit(call, { fleetId: 'f', signal: new AbortController().signal });

  it('on account of data that is its own', async () => {
    const claude = createClaude({ baseUrl: await provider(), apiKey: 'k' });
    await admitAndCall(claude, callOf(task(0)));
    const own = (n: number) => `<context name="own">\n${`Of ${n} alone. `.repeat(900)}\n</context>`;
    const admissions = await Promise.all([1, 2, 3].map((n) => admitted(claude, callOf(own(n), task(n)))));
    for (const admission of admissions) admission.release();
  });

  it('where its prefix is too short for the cache', async () => {
    const claude = createClaude({ baseUrl: await provider(), apiKey: 'k' });
    const short = (n: number): ClaudeCall => ({ ...callOf(task(n)), system: 'Be brief.', tools: [] });
    const admissions = await Promise.all([1, 2].map((n) => admitted(claude, short(n))));
    for (const admission of admissions) admission.release();
  });

  it('with another model, other tools or another system text', async () => {
    const claude = createClaude({ baseUrl: await provider(), apiKey: 'k' });
    const first = callOf(task(0));
    const calls: ClaudeCall[] = [
      first,
      { ...first, model: 'claude-opus-5-5' },
      { ...first, tools: tools.slice(0, 1) },
      { ...first, system: `${first.system} Or not.` },
    ];
    for (const admission of await Promise.all(calls.map((call) => admitted(claude, call)))) admission.release();
  });

  it('but with the same data it does wait', async () => {
    const claude = createClaude({ baseUrl: await provider(), apiKey: 'k' });
    await admitAndCall(claude, callOf(task(0)));
    const first = await admitted(claude, callOf(SHARED, task(1)));
    let hasPassed = false;
    const second = admitted(claude, callOf(SHARED, task(2))).then((admission) => {
      hasPassed = true;
      admission.release();
    });
    await admitAndCall(claude, callOf(task(3))); // a round trip later it still waits
    expect(hasPassed).toBe(false);
    first.release();
    await second;
  });
});
