import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScriptRoom } from '../../../activities/script/parts.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';
import { META, ScriptWorld } from './script-world.ts';

let world: ScriptWorld;
let worker: ScriptRoom;
beforeAll(async () => {
  world = await ScriptWorld.open({ secrets: ['very-secret-word'] });
  worker = world.worker();
});
afterAll(() => world[Symbol.asyncDispose]());

describe.concurrent('agents of a script', () => {
  it('have what their calls say, and the defaults for the rest', async () => {
    const agents = [{ name: 'reviewer', prompt: 'You review.', model: 'claude-opus-5' }];
    const fleet = await world.fleet(
      `await agent('x', { label: 'one', phase: 'P', model: 'claude-haiku-5-5', effort: 'low', isolation: 'worktree',
        agentType: 'reviewer', stallMs: 1000, cwd: 'sub', permissions: 'read-only', timeoutMs: 2000, maxBudgetUsd: 0.5,
        context: 'data', env: { A: '1' }, verify: [{ name: 'v', run: 'true', timeout: '1m' }], schema: { type: 'object' } })
      await agent('y'); await agent('z', { agentType: 'reviewer' })`,
      { plan: { agents } },
    );
    await fleet.run(worker);
    expect(fleet.tasks[0]).toMatchObject({
      ...{ label: 'one', phase: 'P', model: 'claude-haiku-5-5', effort: 'low', stallTimeoutMs: 1000, timeoutMs: 2000 },
      workspace: { subdirectory: 'sub' },
      ...{ maxBudgetMicroUsd: 500_000, context: [{ text: 'data' }], env: { A: '1' }, depth: 1, dependsOn: [] },
      ...{ verify: [{ name: 'v', run: 'true', timeoutMs: 60_000 }], outputSchema: { type: 'object' } },
      agent: { name: 'reviewer' },
    });
    expect(fleet.tasks[0]).not.toHaveProperty('parent');
    expect(fleet.tasks[1]).toMatchObject({ model: 'claude-sonnet-5-5', timeoutMs: 1_800_000, label: 'y' });
    expect(fleet.tasks[2]).toMatchObject({ model: 'claude-opus-5' });
  });

  it('all have the model that is forced on them', async () => {
    const agents = [{ name: 'r', prompt: 'p', model: 'claude-opus-5' }];
    const body = 'await agent("a", { agentType: "r" }); await agent("b", { model: "claude-haiku-5-5" })';
    const fleet = await world.fleet(body, { plan: { agents, isModelForced: true } });
    await fleet.run(worker);
    expect(fleet.tasks.map(({ model }) => model)).toEqual(['claude-sonnet-5-5', 'claude-sonnet-5-5']);
  });

  it('are the k-th of those equal to them, over all exchanges, whatever they are called', async () => {
    const fleet = await world.fleet(
      'await parallel([() => agent("a"), () => agent("b"), () => agent("a", { label: "other", timeoutMs: 1000 })]); await agent("a"); await agent("a", { model: "claude-opus-5" })',
    );
    await fleet.run(worker);
    const told = fleet.tasks.map(({ label, prompt, occurrence }) => `${label}: ${prompt} ${occurrence.toString()}`);
    expect(told).toEqual(['a: a 0', 'b: b 0', 'other: a 1', 'a#2: a 2', 'a#3: a 0']);
  });

  it('that no task can be are errors at once, and nothing is spawned for them', async () => {
    const wrong: [string, string][] = [
      ['{ effort: "huge" }', '`effort` is "huge"; write low, medium, high, xhigh or max'],
      ['{ model: "claude-sonet-5-5" }', 'write claude-sonnet-5-5'],
      ['{ cwd: "../up" }', 'leaves the workspace'],
      ['{ agentType: "nobody" }', 'there is no agent "nobody"'],
      ['{ schema: { type: "nonsense" } }', '`output_schema` is invalid'],
      ['{ permissions: { allow: ["Bash(rm:*)"] } }', 'GRANT_INVALID'],
    ];
    const fleet = await world.fleet(
      `const told = []; for (const options of [${wrong.map(([options]) => options).join()}]) await agent('x', options).catch((e) => told.push(e.message))
      return [...told, await agent('y')]`,
      { plan: { ceiling: { allow: ['Read(./**)'], deny: [], mode: 'dontAsk' } } },
    );
    const { value } = await fleet.run(worker);
    expect(value).toEqual([...wrong.map(([, message]) => expect.stringContaining(message) as string), 'Y']);
    expect(fleet.tasks.map(({ prompt }) => prompt)).toEqual(['y']);
    expect(fleet.exchange).toBe(2);
  });

  it('that the fleet has no room for are errors too, which name its limit', async () => {
    const body = 'const all = await parallel(["a", "b"].map((x) => () => agent(x))); return [all, await agent("c")]';
    const fleet = await world.fleet(body, { maxTotalAgents: 1 });
    expect((await fleet.run(worker)).value).toEqual([[null, null], 'C']);
    expect(fleet.tasks.map(({ prompt }) => prompt)).toEqual(['c']);
    expect((await fleet.said()).join()).toContain('may spawn 1 subagents in all');
  });
});

describe.concurrent('what a script hears', () => {
  it('is the ends of its agents, those that come together in the order they came', async () => {
    const fleet = await world.fleet(
      'const order = []; await parallel(["a", "b", "c"].map((x) => async () => { await agent(x); order.push(x) })); return order',
    );
    await fleet.next(worker);
    await fleet.end();
    const outcome = await fleet.next(worker, [2, 0, 1]);
    expect(await fleet.valueOf(outcome)).toEqual(['c', 'a', 'b']);
  });

  it('is the money of its fleet as output tokens, as of each exchange', async () => {
    const fleet = await world.fleet(
      `const seen = [[budget.total, budget.spent(), budget.remaining()]]
       for (let i = 0; ; i++) try { await agent('n' + i); seen.push(budget.spent()) } catch (e) { return [seen, e.message] }`,
      { budgetMicroUsd: 2_000_000 },
    );
    const { value } = await fleet.run(worker, () => ((fleet.spentMicroUsd += 1_000_000), {}));
    const message = 'the budget is spent: 200000 of 200000 output tokens';
    expect(value).toEqual([[[200_000, 0, 200_000], 100_000, 200_000], message]);
  });

  it('is the newest result of an agent that was run again, and nothing once it has heard of its end', async () => {
    const fleet = await world.fleet('const a = await agent("a"); return [a, await agent("b")]');
    await fleet.next(worker);
    await fleet.end(() => ({ status: 'failed' }));
    await fleet.leave(0, { output: 'second try' }, 2);
    await fleet.next(worker, [0]);
    expect((await fleet.record(2)).generations).toEqual([[0, 2]]);
    const [b] = await fleet.end();
    expect(await fleet.valueOf(await fleet.next(worker, [0, b!]))).toEqual(['second try', 'B']);
  });

  it('is another script where it asks for one that came with the fleet', async () => {
    const inner = `${META}return [args, await agent("inside")]`;
    const fleet = await world.fleet(
      'return [await workflow("inner", 1), await workflow("iner").catch((e) => e.message)]',
      {
        saved: { inner },
      },
    );
    expect((await fleet.run(worker)).value).toEqual([
      ...[[1, 'INSIDE'], 'workflow(): there is no script "iner": did you mean "inner"?'],
    ]);
  });
});

describe.concurrent('approvals', () => {
  it('carry a hash of all that was seen before them', async () => {
    const hash = async (status: Result['status'], title: string): Promise<string> => {
      const fleet = await world.fleet(`await agent("a"); await approve("${title}")`);
      await fleet.next(worker);
      await fleet.next(worker, await fleet.end(() => ({ status })));
      return fleet.openApprovals[0]!.hash;
    };
    const hashes = await Promise.all([
      ...[hash('completed', 'x'), hash('completed', 'x'), hash('failed', 'x'), hash('completed', 'y')],
    ]);
    expect(hashes[0]).toBe(hashes[1]);
    expect(new Set(hashes).size).toBe(3);
  });

  it('that are rejected throw', async () => {
    const fleet = await world.fleet('await approve("Go?")');
    await fleet.next(worker);
    fleet.decide(false);
    expect(await fleet.next(worker)).toMatchObject({
      outcome: { error: { message: 'rejected: Go?', line: 2, column: 7 } },
    });
  });
});

describe.concurrent('what is left of a script', () => {
  it('is its value as JSON in the store, secrets hidden', async () => {
    const fleet = await world.fleet('log("a very-secret-word"); return { of: ["very-secret-word", undefined] }');
    expect((await fleet.run(worker)).value).toEqual({ of: ['[hidden]', null] });
    expect(await fleet.said()).toEqual(['log: a [hidden]']);
  });

  it('is nothing of agents it called and did not await, but a line', async () => {
    const fleet = await world.fleet('agent("a"); agent("b")');
    expect(await fleet.run(worker)).toEqual({ value: undefined, error: undefined });
    expect(fleet.tasks).toEqual([]);
    expect(await fleet.said()).toEqual(['log: 2 agent() calls were not awaited, and nothing was started for them']);
  });

  it.each([
    ['throw new Error("very-secret-word")', { type: 'Script.Threw', message: '[hidden]', line: 2, column: 11 }],
    ['nothing()', { type: 'Script.Syntax', line: 2, column: 1 }],
    ['await agent("a"); await new Promise(() => {})', { type: 'Script.NeverSettles' }],
  ])('is its error: %s', async (body, error) => {
    const fleet = await world.fleet(body);
    expect((await fleet.run(worker)).error).toMatchObject(error);
  });
});
