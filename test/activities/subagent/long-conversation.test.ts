import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Turn } from '../../../client/simulated/script.ts';
import { call, say } from '../../support/played-claude.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';

/** Its prompts are as long as they say. */
const WINDOW = 'claude-haiku-5-5';
const CONTEXT = 1_000_000;

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

const isSummarised = ({ request }: Turn): boolean => JSON.stringify(request.body.messages[0]).includes('"compaction"');

/** Says that its prompts have `tokens` tokens at a turn, and ends at turn `until`. */
const growing = (tokens: (turn: Turn) => number, until: number) => (turn: Turn) => ({
  blocks: turn.number < until ? [call('Glob', { pattern: `*${turn.number.toString()}` })] : [say('done')],
  usage: { input_tokens: tokens(turn), cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
});

describe('a conversation that nears its window', () => {
  it('is summarised by the API once and goes on from the summary; the transcript keeps all of it', async () => {
    const tokens = (turn: Turn): number => (isSummarised(turn) ? 9_000 : turn.number === 3 ? CONTEXT * 0.76 : 5_000);
    const prompt = bench.played.play('long', growing(tokens, 5));
    const fleet = await bench.fleet([{ prompt, model: WINDOW }]);
    const { calls } = bench.claude.stats();
    const outcome = await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({ status: 'completed', output: 'done', num_turns: 5 });
    expect(bench.claude.stats().calls - calls).toBe(6); // five turns and the summary
    const turns = bench.played.turns.get('long')!;
    expect(turns.map(isSummarised)).toEqual([false, false, false, true, true]);
    expect(JSON.stringify(turns[3]!.request.body.messages)).toContain('play:long'); // the task is said again
    expect(Math.round(result.total_cost_usd * 1e6)).toBe(outcome.spentMicroUsd);
    const transcript = await bench.transcript(result);
    for (const n of [1, 2, 3, 4]) expect(transcript.split(`{"pattern":"*${n.toString()}"}`).length).toBe(2); // each once
    expect(transcript).toContain('"compaction"');
  });

  it('has old results left out by the API from half of the window on', async () => {
    const fleet = await bench.fleet([
      {
        prompt: bench.played.play(
          'clear',
          growing(() => 1_000, 2),
        ),
        model: WINDOW,
      },
    ]);
    await fleet.run();
    const { context_management } = bench.played.turns.get('clear')![0]!.request.body;
    expect(context_management?.edits?.[0]).toMatchObject({
      type: 'clear_tool_uses_20250919',
      trigger: { type: 'input_tokens', value: CONTEXT / 2 },
    });
  });

  it('asks for no summary of a model that makes none', async () => {
    const model = 'claude-haiku-4-5';
    const tokens = ({ number }: Turn): number => (number === 2 ? 200_000 * 0.8 : 5_000);
    const fleet = await bench.fleet([{ prompt: bench.played.play('old', growing(tokens, 4)), model }]);
    const { calls } = bench.claude.stats();
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed', num_turns: 4 });
    expect(bench.claude.stats().calls - calls).toBe(4);
  });

  it('goes on as it is when no summary comes, for it still fits', async () => {
    const prompt = bench.played.play(
      'unhelped',
      growing(({ number }) => (number === 2 ? CONTEXT * 0.8 : 5_000), 4),
    );
    bench.claude.addFault({ kind: 'bad_request', match: 'play:unhelped', after: 2, count: 1 });
    const fleet = await bench.fleet([{ prompt, model: WINDOW }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed', num_turns: 4 });
    expect(bench.played.turns.get('unhelped')!.some(isSummarised)).toBe(false);
  });
});

describe('a conversation that no longer fits', () => {
  it('is summarised and goes on', async () => {
    const prompt = bench.played.play(
      'full',
      growing(() => 5_000, 4),
    );
    bench.claude.addFault({ kind: 'prompt_too_long', match: 'play:full', turn: 3, count: 1 });
    const fleet = await bench.fleet([{ prompt, model: WINDOW }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed', num_turns: 4 });
    expect(bench.played.turns.get('full')!.map(isSummarised)).toEqual([false, false, true, true]);
  });

  it('ends as such when the summary does not fit either', async () => {
    const prompt = bench.played.play(
      'fuller',
      growing(() => 5_000, 4),
    );
    bench.claude.addFault({ kind: 'prompt_too_long', match: 'play:fuller', turn: 3 });
    const fleet = await bench.fleet([{ prompt, model: WINDOW }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ error: { type: 'Claude.ContextTooLong' }, partial: true });
  });

  it('with nothing before it to summarise ends at once', async () => {
    const prompt = bench.played.play(
      'huge',
      growing(() => 5_000, 4),
    );
    bench.claude.addFault({ kind: 'prompt_too_long', match: 'play:huge' });
    const { calls } = bench.claude.stats();
    const fleet = await bench.fleet([{ prompt, model: WINDOW }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ error: { type: 'Claude.ContextTooLong' }, num_turns: 0 });
    expect(bench.claude.stats().calls - calls).toBe(1);
  });

  it('goes on from its summary on another worker', async () => {
    const prompt = bench.played.play(
      'moved',
      growing((turn) => (turn.number === 2 ? CONTEXT * 0.8 : 5_000), 4),
    );
    bench.claude.addFault({ kind: 'authentication', match: 'play:moved', turn: 4, count: 1 });
    const fleet = await bench.fleet([{ prompt, model: WINDOW }]);
    expect(await fleet.run()).toMatchObject({ kind: 'parked' });
    await fleet.run(0, { epoch: 2 });
    const result = await fleet.result();
    expect(result).toMatchObject({ status: 'completed', num_turns: 4, attempts: 2 });
    expect(await bench.transcript(result)).toContain('{"pattern":"*1"}');
  });
});
