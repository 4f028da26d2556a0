import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cluster } from '../support/cluster.ts';

const MODEL = 'claude-sonnet-5-5';
const FALLBACK = 'claude-haiku-5-5';

let cluster: Cluster;
beforeAll(async () => void (cluster = await Cluster.start()));
afterAll(() => cluster[Symbol.asyncDispose]());

it('a fleet whose model is overloaded goes on with its fallback, and pays that one’s prices', async () => {
  cluster.claude.addFault({ kind: 'overloaded', model: MODEL, match: 'crowded', turn: 2, retryAfterMs: 50 });
  const tasks = Array.from({ length: 6 }, (_, i) => ({
    prompt: `[[simulate turns=3]] crowded ${i.toString()}`,
    fallbackModel: FALLBACK,
  }));
  const fleet = await cluster.submit(tasks);
  const { spentMicroUsd } = await cluster.until(fleet, ({ state }) => state === 'completed');
  const results = await cluster.results(fleet);
  expect(results.map(({ status, model, num_turns }) => ({ status, model, num_turns }))).toEqual(
    tasks.map(() => ({ status: 'completed', model: FALLBACK, num_turns: 3 })),
  );
  const journal = (await cluster.journal()).filter(({ outcome }) => outcome === 'answered');
  expect(new Set(journal.map(({ model, turn }) => `${turn.toString()} ${model}`))).toEqual(
    new Set([`1 ${MODEL}`, `2 ${FALLBACK}`, `3 ${FALLBACK}`]),
  );
  expect(spentMicroUsd).toBe(journal.reduce((sum, { billedMicroUsd }) => sum + billedMicroUsd, 0));
});

it('work that its checks reject is tried again on a stronger model, and only that one is the result', async () => {
  const verify = [{ name: 'by the stronger one', run: 'test -e never', timeoutMs: 20_000 }];
  const retry = { maxAttempts: 2, escalate: ['claude-opus-5-5'] };
  const fleet = await cluster.submit([{ prompt: '[[simulate turns=1]] stronger', verify, retry }]);
  await cluster.until(fleet, ({ state }) => state === 'completed');
  const [result] = await cluster.results(fleet);
  expect(result).toMatchObject({ status: 'failed', error: { type: 'Verify.Failed' }, model: 'claude-opus-5-5' });
  const models = (await cluster.journal()).slice(-6).map(({ model }) => model);
  expect(models).toEqual([MODEL, MODEL, MODEL, 'claude-opus-5-5', 'claude-opus-5-5', 'claude-opus-5-5']);
});
