import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { costMicroUsd } from '../../../activities/claude/prices.ts';
import { call, inTurn, say } from '../../support/played-claude.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';

const FALLBACK = 'claude-haiku-4-5';
const SCHEMA = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

const modelsOf = (name: string): string[] =>
  (bench.played.turns.get(name) ?? []).map(({ request }) => request.body.model);

describe('a fallback model', () => {
  it('goes on for a model that is overloaded three times in a row, without its thinking', async () => {
    const prompt = bench.played.play(
      'overload',
      inTurn([{ type: 'thinking', thinking: 'hm' }, call('Glob', { pattern: '*' })], [say('done')]),
    );
    bench.claude.addFault({ kind: 'overloaded', match: 'play:overload', turn: 2, count: 3, retryAfterMs: 5 });
    const fleet = await bench.fleet([{ prompt, fallbackModel: FALLBACK }]);
    const outcome = await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({ status: 'completed', output: 'done', model: FALLBACK, num_turns: 2 });
    expect(modelsOf('overload')).toEqual(['claude-sonnet-5-5', FALLBACK]);
    const [first, second] = bench.played.turns.get('overload')!;
    const sent = JSON.stringify(second!.request.body.messages);
    expect(sent).not.toContain('"thinking"');
    expect(sent).toContain('"Glob"');
    expect(await bench.transcript(result)).toContain('hm');
    // Each call costs what its own model asks.
    expect(outcome.spentMicroUsd).toBeLessThan(3 * costMicroUsd('claude-sonnet-5-5', result.usage));
    expect(first!.request.body.model).not.toBe(FALLBACK);
  });

  it('goes on for a model that refuses', async () => {
    const prompt = bench.played.play('refusal', inTurn([call('Glob', { pattern: '*' })], [say('done')]));
    bench.claude.addFault({ kind: 'refusal', match: 'play:refusal', turn: 2, count: 1 });
    const fleet = await bench.fleet([{ prompt, fallbackModel: FALLBACK }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed', model: FALLBACK, num_turns: 2 });
  });

  it('is what it stays on after a crash', async () => {
    const prompt = bench.played.play('stays', inTurn([call('Glob', { pattern: '*' })], [say('done')]));
    bench.claude.addFault({ kind: 'refusal', match: 'play:stays', turn: 1, count: 1 });
    bench.claude.addFault({ kind: 'authentication', match: 'play:stays', turn: 2, count: 1 });
    const fleet = await bench.fleet([{ prompt, fallbackModel: FALLBACK }]);
    expect(await fleet.run()).toMatchObject({ kind: 'parked' });
    await fleet.run(0, { epoch: 2 });
    expect(await fleet.result()).toMatchObject({ status: 'completed', model: FALLBACK });
    expect(modelsOf('stays')).toEqual(['claude-sonnet-5-5', FALLBACK, FALLBACK].slice(-modelsOf('stays').length));
  });

  it('that refuses too is the end', async () => {
    const prompt = bench.played.play('both', inTurn([say('done')]));
    bench.claude.addFault({ kind: 'refusal', match: 'play:both' });
    const fleet = await bench.fleet([{ prompt, fallbackModel: FALLBACK }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ error: { type: 'Claude.Refused' }, model: FALLBACK });
  });

  it('is not taken for the limit of one’s own', async () => {
    const prompt = bench.played.play('limited', inTurn([say('done')]));
    bench.claude.addFault({ kind: 'rate_limit', match: 'play:limited', count: 4, retryAfterMs: 5 });
    const fleet = await bench.fleet([{ prompt, fallbackModel: FALLBACK }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed', model: 'claude-sonnet-5-5' });
  });
});

describe('another try', () => {
  const wrong = call('StructuredOutput', { count: 'few' });
  const retry = { maxAttempts: 3, escalate: [FALLBACK, 'claude-opus-5-5'] };
  const task = { outputSchema: SCHEMA, retry };

  it('starts afresh on the next model when no output fitted, and is told why the one before failed', async () => {
    const prompt = bench.played.play('tries', ({ request }) => {
      const hasFailed = JSON.stringify(request.body.messages[0]).includes('an earlier try');
      return [hasFailed ? call('StructuredOutput', { count: 3 }) : wrong];
    });
    bench.claude.addFault({ kind: 'malformed_structured_output', match: 'never fits', model: 'claude-sonnet-5-5' });
    const outputSchema = { ...SCHEMA, description: 'never fits' };
    const fleet = await bench.fleet([
      { prompt: `[[simulate edit=src/a.txt old="alpha" new="b"]] ${prompt}`, ...task, outputSchema },
    ]);
    const outcome = await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({ status: 'completed', structured_output: { count: 3 }, model: FALLBACK });
    const turns = bench.played.turns.get('tries')!;
    expect(new Set(modelsOf('tries'))).toEqual(new Set(['claude-sonnet-5-5', FALLBACK]));
    const firstOfSecond = JSON.stringify(turns.at(-1)!.request.body.messages[0]);
    expect(firstOfSecond).toContain('an earlier try of this task, which failed');
    expect(firstOfSecond).toContain('no output fits the schema');
    expect(turns.at(-1)!.request.body.messages.length).toBe(1); // a conversation of its own
    // The old one stays readable, and all of it is paid and counted.
    const transcript = await bench.transcript(result);
    expect(transcript.match(/"few"|malformed|does not fit/g)!.length).toBeGreaterThan(3);
    expect(result.num_turns).toBe(6);
    expect(Math.round(result.total_cost_usd * 1e6)).toBe(outcome.spentMicroUsd);
  });

  it('stops at the most turns of all tries together', async () => {
    const prompt = bench.played.play('capped', inTurn([wrong]));
    bench.claude.addFault({ kind: 'malformed_structured_output', match: 'capped fits' });
    const outputSchema = { ...SCHEMA, description: 'capped fits' };
    const fleet = await bench.fleet([{ prompt, ...task, outputSchema, maxTurns: 7 }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ error: { type: 'Subagent.MaxTurns' }, num_turns: 7 });
  });

  it('is the last where the attempts are used up', async () => {
    const prompt = bench.played.play('used-up', inTurn([wrong]));
    bench.claude.addFault({ kind: 'malformed_structured_output', match: 'never at all' });
    const outputSchema = { ...SCHEMA, description: 'never at all' };
    const fleet = await bench.fleet([{ prompt, ...task, outputSchema, retry: { ...retry, maxAttempts: 2 } }]);
    await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({ error: { type: 'Output.SchemaMismatch' }, model: FALLBACK, num_turns: 10 });
  });
});
