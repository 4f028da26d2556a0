import { describe, expect, it } from 'vitest';
import { errorOf, play, valueOf } from './played-script.ts';

const fuelTicks = 30;

describe('a script that computes for ever', () => {
  it.each([
    ['a loop', 'for (;;) {}'],
    ['with catch and finally', 'try { for (;;); } catch { return 1 } finally { for (;;); }'],
    ['in an async function', 'try { await (async () => { for (;;); })() } catch { } return 1'],
    ['microtasks', 'const f = async () => { for (;;) await null }; await f()'],
    ['microtasks beside it', '(async () => { for (;;) await null })(); await agent("x")'],
    ['a regular expression', 'return /(a+)+$/.test("a".repeat(40) + "b")'],
    ['calls of agents', 'for (;;) agent("x", 5).catch(() => 1)'],
    ['lines', 'for (;;) log("x")'],
    ['a generator', 'return [...(function* () { for (;;) yield 1 })()].length'],
    ['a getter of what is handed over', 'await agent("x", { get label() { for (;;); } })'],
    ['toJSON of what is returned', 'return { toJSON() { for (;;); } }'],
    ['a message that is told', 'throw { get message() { for (;;); } }'],
    [
      'what its agents come to',
      'Object.prototype.__defineGetter__("then", () => { for (;;); }); await agentResult("x")',
    ],
  ])('is interrupted: %s', async (_, body) => {
    expect(await errorOf(body, { fuelTicks })).toMatchObject({
      type: 'Script.Interrupted',
      message: expect.stringContaining('interrupted') as string,
    });
  });

  it('is told where it called what does so', async () => {
    const error = await errorOf('await agent("a");\nfunction spin() { for (;;); }\nspin()', { fuelTicks });
    expect(error).toMatchObject({ line: 4, type: 'Script.Interrupted' });
  });

  it('has its fuel anew in each exchange', async () => {
    const work = 'for (let i = 0; i < 1e5; i++);';
    expect(
      await valueOf(`let n = 0; for (; n < 20; n++) { await agent("x" + n); ${work} } return n`, { fuelTicks }),
    ).toBe(20);
  });
});

describe('a script that wants too much', () => {
  it.each([
    ['memory', 'const a = []; for (;;) a.push("x".repeat(1000))'],
    ['agents', 'const all = []; for (let i = 0; ; i++) all.push(agent("x".repeat(1e5)))'],
  ])('ends for want of it: %s', async (_, body) => {
    expect(await errorOf(body)).toMatchObject({ type: expect.stringMatching(/Memory|Interrupted/) as string });
  });

  it.each([
    ['a huge text', '"x".repeat(2 ** 29)'],
    ['a huge number', '2n ** (2n ** 30n)'],
    ['a huge list', 'new Array(5e6).fill(0).map(() => ({ a: {} }))'],
    ['a deep call', '(function f() { f() })()'],
    ['a deep expression', 'new RegExp("(".repeat(1e5))'],
  ])('can catch that there is no room: %s', async (_, expression) => {
    expect(await valueOf(`try { ${expression} } catch (e) { return typeof e }`)).toBe('object');
  });
});

describe('the world', () => {
  it.each([
    'process',
    'require',
    'fetch',
    'setTimeout',
    'WebAssembly',
    'console',
    'performance',
    'WeakRef',
    'host',
    'module',
  ])('is not there: %s', async (name) => expect(await valueOf(`return typeof globalThis.${name}`)).toBe('undefined'));

  it.each([
    ['[].constructor.constructor("return this")()'],
    ['agent.constructor("return this")()'],
    ['Function("return this")()'],
    ['(0, eval)("this")'],
    ['Object.getPrototypeOf(async () => 1).constructor("return this")()'],
    ['(async () => {}).constructor("return this")()'],
    ['budget.spent.constructor("return this")()'],
  ])('is not behind constructors: %s', async (expression) => {
    const value = `const g = await (${expression}); return [g === globalThis, typeof g.process, typeof g.require]`;
    expect(await valueOf(value)).toEqual([true, 'undefined', 'undefined']);
  });

  it('has no modules, not even in text that is run later', async () => {
    expect((await errorOf('await (0, eval)("import(\'node:fs\')")'))?.message).toContain('could not load module');
  });

  it.each([
    ['new Date()', 'the time would make runs differ: pass it through args'],
    ['Date()', 'the time would'],
    ['Date.now()', 'Date.now() would'],
    ['new (new Date(0).constructor)()', 'the time would'],
    ['Reflect.construct(Date, [])', 'the time would'],
    ['new (class extends Date {})()', 'the time would'],
    ['Math.random()', 'Math.random() would make runs differ: pass it through args, or vary by index'],
  ])('has no clock and no chance: %s', async (expression, message) => {
    expect((await errorOf(`return ${expression}`))?.message).toContain(message);
  });

  it('has dates all the same, in one time zone', async () => {
    const body =
      'const d = new Date(2020, 0, 31, 12); return [d.toISOString(), d.getTimezoneOffset(), Date.UTC(2020, 1), Date.parse("2020-01-01"), d instanceof Date, new (class extends Date {})(5).getTime()]';
    expect(await valueOf(body)).toEqual(['2020-01-31T12:00:00.000Z', 0, 1_580_515_200_000, 1_577_836_800_000, true, 5]);
  });
});

describe('the prelude', () => {
  it.each(['agent', 'parallel', 'pipeline', 'phase', 'log', 'args', 'budget', 'workflow', 'approve', 'agentResult'])(
    'cannot be replaced or removed: %s',
    async (name) => {
      const body = `const before = globalThis.${name}; const tries = [() => { globalThis.${name} = 1 }, () => { delete globalThis.${name} },
        () => Object.defineProperty(globalThis, "${name}", { value: 1 })]
        const failed = tries.filter((f) => { try { f() } catch { return true } }).length
        return [failed, globalThis.${name} === before]`;
      expect(await valueOf(body)).toEqual([3, true]);
    },
  );

  it('is not on the stack for those who look there', async () => {
    const peek = '() => { try { Error.prepareStackTrace = (_, s) => s } catch { } return typeof new Error().stack }';
    const body = `const peek = ${peek}; let seen; Object.defineProperty(Object.prototype, "then", { get() { seen ??= peek() } });
      await agentResult("x"); return [seen, peek()]`;
    expect(await valueOf(body)).toEqual(['string', 'string']);
    expect((await errorOf('(function f() { return f.caller })()'))?.message).toBeDefined();
    expect(await valueOf('return [Object.hasOwn(agent, "caller"), Object.hasOwn(agent, "arguments")]')).toEqual([
      false,
      false,
    ]);
  });

  it.each([
    ['Promise', 'globalThis.Promise = class { constructor(f) { f(steal, steal) } }'],
    ['its then', 'try { Promise.prototype.then = steal } catch { }'],
    ['its constructor', 'try { Promise.prototype.constructor = steal } catch { }'],
    ['its species', 'Object.defineProperty(Promise, Symbol.species, { get: steal })'],
    ['maps', 'Map.prototype.get = Map.prototype.set = steal'],
    [
      'setters of numbers',
      'for (let i = 0; i < 20; i++) Object.defineProperty(Object.prototype, i, { set: steal, configurable: true }), Object.defineProperty(Array.prototype, i, { set: steal, configurable: true })',
    ],
    ['calls', 'Function.prototype.call = Function.prototype.apply = Reflect.apply = Reflect.construct = steal'],
    [
      'lists',
      'Array.prototype[Symbol.iterator] = Array.prototype.push = Array.prototype.map = Array.from = Array.isArray = steal',
    ],
    ['JSON', 'JSON.parse = JSON.stringify = steal'],
    ['objects', 'Object.defineProperty = Object.create = Object.freeze = Object.keys = steal'],
    ['errors', 'globalThis.Error = globalThis.TypeError = globalThis.String = steal'],
  ])('hands nothing to a script that has changed JavaScript: %s', async (_, change) => {
    // Whatever comes into the script's hands is called: it may not answer for an agent.
    const body = `const steal = function (...all) { for (const f of [this, ...all]) if (typeof f === "function" && f !== steal) try { f("FORGED") } catch { } }
      ${change}
      return await agent("x")`;
    const { value, calls } = await play(body);
    expect(calls).toHaveLength(1);
    expect(value).toBe('X');
  });

  it('is told by toJSON what a script would tell it anyway', async () => {
    const body =
      'Object.prototype.toJSON = () => ({ lable: 1 }); try { await agent("x", { label: "a" }) } catch (e) { return e.message }';
    expect(await errorOf(body)).toBeUndefined();
    const { calls } = await play(
      'Object.prototype.toJSON = () => "forged"; await agent("x", { label: "a" }).catch(() => 1)',
    );
    expect(calls).toEqual([]);
  });

  it('ends with the script and not before, whatever that wraps itself in', async () => {
    expect(await errorOf('}); return (async () => {')).toMatchObject({ type: 'Script.Syntax' });
    expect(await errorOf('}} export default async () => {{')).toMatchObject({ type: 'Script.Syntax' });
    expect(await valueOf('let a = 3, b = 1;\nreturn a<!--b\n')).toBe(false);
  });
});

it('a script runs alike each time', async () => {
  const body =
    'const o = {}; for (const x of await parallel([..."cab"].map((c) => () => agent(c)))) o[x] = Object.keys(o); return [o, new Error("x").stack, [3, 1, 2].sort()]';
  expect(await play(body)).toEqual(await play(body));
});
