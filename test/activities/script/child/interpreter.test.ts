import { describe, expect, it } from 'vitest';
import { errorOf, META, play, valueOf } from './played-script.ts';

const FAILED = { status: 'failed', error: { type: 'Claude.Refused', message: 'it refuses' } };
const MISMATCH = {
  ...{ status: 'failed', error: { type: 'Output.SchemaMismatch', message: 'no' } },
  schema_errors: ['/a: first', '/b: last'],
};

describe('what agent() comes to', () => {
  it('is the text, or the object of a schema', async () => {
    const b = { output: null, structured_output: { n: 1 } };
    expect(await valueOf('return [await agent("a"), await agent("b", { schema: {} })]', { answers: { b } })).toEqual([
      ...['A', { n: 1 }],
    ]);
  });

  it.each(['stopped', 'skipped', 'failed', 'timed_out', 'budget_reached', 'not_attempted'])(
    'is null when it ends as %s',
    async (status) =>
      expect(await valueOf('return [await agent("a")]', { answers: { a: { status } } })).toEqual([null]),
  );

  it('throws instead where a call says so, and says why', async () => {
    const a = { ...FAILED, label: 'one' };
    expect(await errorOf('await agent("a", { onNull: "throw" })', { answers: { a } })).toEqual({
      ...{ type: 'Script.Threw', message: 'one failed: it refuses', line: 2, column: 7 },
    });
  });

  it('is the whole record where a call says so, however it ends', async () => {
    const body =
      'return (await parallel([() => agent("a", { onNull: "result" }), () => agent("b", { onNull: "result" }), () => agentResult("a")])).map((r) => [r.status, r.error?.type])';
    expect(await valueOf(body, { answers: { a: FAILED } })).toEqual([
      ['failed', 'Claude.Refused'],
      ['completed', null],
      ['failed', 'Claude.Refused'],
    ]);
  });

  it('throws the last validation error when the schema was never met, which makes it null in parallel', async () => {
    const body = 'const all = await parallel([() => agent("a", { schema: {} })]);';
    const answers = { a: MISMATCH };
    expect(await errorOf(`${body} await agent("a", { schema: {} })`, { answers })).toMatchObject({
      ...{ message: '/b: last', line: 2 },
    });
    expect(await valueOf(`${body} return all`, { answers })).toEqual([null]);
  });

  it.each([
    ['"x", { lable: "x" }', 'agent() has no option lable: did you mean label?'],
    ['"x", { dependsOn: ["x"] }', 'agent() has no dependsOn: await the other agent first'],
    ['"x", { onNull: "ignore" }', "onNull is 'null', 'throw' or 'result'"],
    ['"x", { label: "" }', 'label is a text'],
    ['"x", { isolation: "none" }', "isolation is 'worktree'"],
    ['"x", { timeoutMs: 1, timeout: 2 }', 'timeoutMs and timeout are the same: write one of them'],
    ['"x", "text"', 'agent() takes its options as an object'],
    ['"x", { schema: { n: 1n } }', 'agent() takes its options as data'],
    ['5', 'agent() takes its prompt as a text, not number'],
    ['', 'agent() takes its prompt as a text, not undefined'],
  ])('throws at once for what cannot be asked: agent(%s)', async (given, message) => {
    const { value, calls } = await play(`try { await agent(${given}) } catch (e) { return e.message }`);
    expect(value).toContain(message);
    expect(calls).toEqual([]);
  });

  it('takes options that are null or undefined as left out', async () => {
    const { calls } = await play(
      'await agent("x", { schema: null, label: undefined, model: "m" }); await agent("y", null)',
    );
    expect(calls.map(({ options }) => options)).toEqual([{ model: 'm' }, {}]);
  });
});

describe('parallel and pipeline', () => {
  it('keep the order of their items, and null those that throw, which is told', async () => {
    const { value, said } = await play(
      `return [await parallel([() => agent('a'), () => { throw new TypeError('no') }, async () => 3, () => undefined]),
        await pipeline([1, 2, 3], (p, item, i) => agent(p + '/' + item + '/' + i), (p, item) => item === 2 ? null : p,
          (p, item) => { if (item === 3) throw 'three'; return [p, item] })]`,
    );
    expect(value).toEqual([
      ['A', null, 3, null],
      [['1/1/0', 1], [null, 2], null],
    ]);
    expect(said).toEqual([
      ...['log: item 1 of parallel() is null: TypeError: no', 'log: item 2 of pipeline() is null: three'],
    ]);
  });

  it('tell the first of many that are lost', async () => {
    const { said } = await play('await parallel(Array.from({ length: 50 }, () => () => { throw 1 }))');
    expect(said).toHaveLength(21);
    expect(said.at(-1)).toContain('further ones');
  });

  it('let items pass through stages without waiting for each other', async () => {
    const { calls } = await play(
      'await pipeline(["a", "b"], (x) => x === "a" ? x : agent("slow"), (x, item) => agent(item + 2))',
    );
    expect(calls.map(({ prompt }) => prompt)).toEqual(['slow', 'a2', 'b2']);
  });

  it.each([
    ['parallel([agent("x")])', 'item 0 of parallel() is an object: write a function'],
    ['parallel(5)', 'parallel() takes a list, not number'],
    ['pipeline([1], 5)', 'stage 1 of pipeline() is number'],
    ['pipeline(null, (x) => x)', 'pipeline() takes a list, not null'],
    ['parallel(new Array(100001).fill(() => 1))', 'parallel() takes at most 100000 items'],
  ])('say what they cannot take: %s', async (call, message) => {
    expect(await errorOf(`await ${call}`)).toMatchObject({
      message: expect.stringContaining(message) as string,
      line: 2,
    });
  });

  it('take any list, and an empty one', async () => {
    const body = 'return [await parallel(new Set([() => 1])), await parallel([]), await pipeline([7])]';
    expect(await valueOf(body)).toEqual([[1], [], [7]]);
  });
});

describe('what a script is told', () => {
  it('is args as they were given, and undefined without', async () => {
    expect(await valueOf('args.list.push(3); return args', { args: { list: [1, null] } })).toEqual({
      list: [1, null, 3],
    });
    expect(await valueOf('return [typeof args, meta.name]')).toEqual(['undefined', 'a']);
  });

  it('is the budget, and over it agent() throws', async () => {
    const body = `const seen = [[budget.total, budget.spent(), budget.remaining()]]
      for (let i = 0; ; i++) try { await agent('n' + i); seen.push(budget.spent()) } catch (e) { return [seen, e.message] }`;
    expect(await valueOf(body, { total: 2 })).toEqual([[[2, 0, 2], 1, 2], 'the budget is spent: 2 of 2 output tokens']);
    expect(await valueOf('return [budget.total, budget.remaining() === Infinity]')).toEqual([null, true]);
  });
});

describe('what a script says', () => {
  it('is kept in order and bounded', async () => {
    const { said } = await play(
      'phase("One"); log({ a: 1 }); log("x".repeat(5000)); for (let i = 0; i < 2000; i++) log(i)',
    );
    expect(said.slice(0, 2)).toEqual(['phase: One', 'log: {"a":1}']);
    expect(said[2]).toHaveLength(2_000 + 'log: '.length);
    expect(said).toHaveLength(1_000);
    expect(said.at(-1)).toContain('left out');
  });

  it('groups its agents, unless they name a group themselves', async () => {
    const { calls } = await play('await agent("a"); phase("P"); await agent("b"); await agent("c", { phase: "Q" })');
    expect(calls.map(({ phase }) => phase)).toEqual([undefined, 'P', 'Q']);
  });
});

describe('approve()', () => {
  it('goes on when it is approved, and throws when it is not', async () => {
    expect(await valueOf('await agent("a"); return await approve("Go?")')).toBe(true);
    expect(await errorOf('await approve("Go?")', { isApproved: false })).toEqual({
      ...{ type: 'Script.Threw', message: 'rejected: Go?', line: 2, column: 7 },
    });
    expect((await errorOf('await approve()'))?.message).toContain('takes the question as a text');
  });

  it('asks one after the other, so that each answer is for the one it was given to', async () => {
    const { value, asked } = await play(
      'return await parallel(["a", "b"].map((x) => async () => [x, await approve(x)]))',
    );
    expect(asked).toEqual(['a', 'b']);
    expect(value).toEqual([
      ['a', true],
      ['b', true],
    ]);
  });
});

describe('workflow()', () => {
  const INNER = `export const meta = { name: 'inner', description: 'x' }\nphase('In')\nreturn [args, await agent('inside'), meta.name]`;

  it('runs a saved script inline, by name or by path, with its own args', async () => {
    const { value, calls } = await play(
      'return [await workflow("inner", { n: 1 }), await workflow({ scriptPath: "flows/inner.js" }), args]',
      { args: 5, saved: { inner: INNER, 'flows/inner.js': INNER } },
    );
    expect(value).toEqual([[{ n: 1 }, 'INSIDE', 'inner'], [null, 'INSIDE', 'inner'], 5]);
    expect(calls.map(({ phase }) => phase)).toEqual(['In', 'In']);
  });

  it.each([
    ['workflow("iner")', 'no iner', 2],
    ['workflow(5)', 'workflow() takes the name of a saved script', 2],
    ['workflow("broken")', 'broken:2:3: not JavaScript', 2],
    ['workflow("deeper")', 'one level too deep', undefined],
    ['workflow("thrower")', 'boom (in thrower:3:11)', undefined],
    ['workflow("inner", { n: 1n })', 'what workflow() was given as args is no JSON', 2],
  ])('throws when it cannot: %s', async (call, message, line) => {
    const saved = {
      inner: INNER,
      broken: `${META}a b c`,
      deeper: `${META}return await workflow("inner")`,
      thrower: `${META}\nthrow new Error('boom')`,
    };
    const error = await errorOf(`await ${call}`, { saved });
    expect(error?.message).toContain(message);
    expect(error?.line).toBe(line);
  });
});

describe('the end of a script', () => {
  it.each([
    ['return undefined', undefined],
    ['', undefined],
    ['return { a: [1, "x", null], b: undefined }', { a: [1, 'x', null] }],
    ['agent("never awaited"); return 1', 1],
    ['return Promise.resolve(5)', 5],
  ])('is what it returns: %s', async (body, value) => expect(await valueOf(body)).toEqual(value));

  it.each([
    ['throw new Error("boom")', { message: 'boom', line: 2, column: 11 }],
    [
      'function f() {\n  null.x\n}\nawait agent("a")\nf()',
      { message: "TypeError: cannot read property 'x' of null", line: 3, column: 3 },
    ],
    ['throw "text"', { message: 'text' }],
    ['throw { code: 5 }', { message: '{"code":5}' }],
    ['throw null', { message: 'null' }],
    ['throw { get message() { throw 1 } }', { message: 'something that cannot be told' }],
    [
      'const a = {}; a.a = a; return a',
      { message: expect.stringMatching(/what the script returned is no JSON.*circular/) as string },
    ],
    ['return 5n', { message: expect.stringContaining('what the script returned is no JSON') as string }],
    ['return "x".repeat(17e6)', { message: 'what the script returned is longer than 16777216 characters as JSON' }],
    [
      'let a;\nlet a',
      {
        type: 'Script.Syntax',
        message: expect.stringContaining("'a' has already been declared") as string,
        line: 3,
        column: 5,
      },
    ],
  ])('is what it throws, with its place: %s', async (body, error) => {
    expect(await errorOf(body)).toEqual({ type: 'Script.Threw', ...error });
  });

  it('is told where nothing is open any more and it waits on', async () => {
    expect(await play('await agent("a"); await new Promise(() => {})')).toMatchObject({
      isStuck: true,
      error: undefined,
    });
    expect(await play('await Promise.race([])')).toMatchObject({ isStuck: true });
  });
});
