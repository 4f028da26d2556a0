/** What of the host the prelude has: `undefined`, the number of something to wait for, or the text of an error. */
export type Host = (operation: string, a?: string, b?: string, stack?: string) => number | string | undefined;

/** The prelude's own functions, which only the host holds: with them a script could answer for its own agents. */
export interface Prelude {
  /** Ends the wait `id`. `answer`: JSON of its value, or of `{message, at?}` where it is not fine. */
  settle(id: number, isFine: boolean, answer: string): void;
  /** Ends a wait for another script, which is here. */
  start(id: number, body: ScriptBody, metaText: string): void;
  /** Never rejects, unless the engine has no memory left to tell how it ended. */
  run(body: ScriptBody, metaText: string): Promise<void>;
  budget(total: number | null, spent: number): void;
  /** Where the script is now. */
  where(): string;
}

type ScriptBody = (meta: unknown, args: unknown, workflow: unknown) => Promise<unknown>;

/** Items of one `parallel` or `pipeline` (workflow-scripts.md §3). A text of its own: the prelude sees nothing outside. */
export const MAX_ITEMS = 100_000;

/**
 * Runs inside the engine before any script, as text: it may name nothing of this file. Takes away what would make two runs
 * differ, and defines what a script may do. What it uses it has taken beforehand, and what it keeps has no prototype, so
 * that nothing a script does to JavaScript's own objects reaches it.
 */
export function prelude(host: Host, argsText: string | undefined, maxItems: number): Prelude {
  const { stringify, parse } = JSON;
  const { defineProperty, freeze, create } = Object;
  const { construct } = Reflect;
  const { isArray, from } = Array;
  const NativePromise = Promise;
  const NativeError = Error;
  const NativeTypeError = TypeError;
  const NativeDate = Date;
  const text = String;
  const { iterator } = Symbol;

  const open = create(null) as Record<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>;
  const bodies = create(null) as Record<number, { body: ScriptBody; meta: unknown }>;
  const money = create(null) as { total: number | null; spent: number };
  money.total = null;
  money.spent = 0;

  const fix = (owner: object, name: string, value: unknown, enumerable = false): unknown =>
    defineProperty(owner, name, { value, writable: false, configurable: false, enumerable });

  const where = (): string => text(new NativeError().stack);

  function told(error: unknown): string {
    try {
      if (typeof error === 'object' && error !== null && 'message' in error) {
        const { name, message } = error as { name?: unknown; message: unknown };
        return name === undefined || name === 'Error' ? text(message) : `${text(name)}: ${text(message)}`;
      }
      return typeof error === 'string' ? error : (stringify(error) ?? text(error));
    } catch {
      return 'something that cannot be told';
    }
  }

  function stackOf(error: unknown): string {
    try {
      return text((error as { stack?: unknown } | null | undefined)?.stack);
    } catch {
      return '';
    }
  }

  /** JSON of what a script hands over; undefined where JSON has nothing for it. */
  function json(value: unknown, what: string): string | undefined {
    try {
      return stringify(value);
    } catch (error) {
      throw new NativeTypeError(`${what} is no JSON: ${told(error)}`);
    }
  }

  function failure(message: string, at: string | undefined): Error {
    const error = new NativeError(message);
    if (at !== undefined) defineProperty(error, 'stack', { value: at, writable: true, configurable: true });
    return error;
  }

  /** A promise that the host settles one day. Calls are many: what each of them holds here is kept small. */
  function wait(operation: string, stack: string, a: string | undefined, b?: string): Promise<unknown> {
    return new NativePromise((resolve, reject) => {
      const id = host(operation, a, b, stack);
      if (typeof id !== 'number') throw failure(text(id), stack);
      // One object for both: two that grow alike share their shape in the engine, which then copies it each time.
      open[id] = { resolve, reject };
    });
  }

  async function never(message: string, stack: string): Promise<never> {
    throw failure(message, stack);
  }

  function ask(kind: string, prompt: unknown, options: unknown): Promise<unknown> {
    const stack = where();
    if (typeof prompt !== 'string') return never(`${kind}() takes its prompt as a text, not ${shown(prompt)}`, stack);
    try {
      const given = options === undefined || options === null ? '{}' : json(options, 'this');
      return wait(kind, stack, prompt, given);
    } catch (error) {
      return never(`${kind}() takes its options as data: ${told(error)}`, stack);
    }
  }

  const shown = (value: unknown): string =>
    value === null ? 'null' : isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : typeof value;

  function agent(prompt: unknown, options?: unknown): Promise<unknown> {
    return ask('agent', prompt, options);
  }

  function agentResult(prompt: unknown, options?: unknown): Promise<unknown> {
    return ask('agentResult', prompt, options);
  }

  function itemsOf(given: unknown, owner: string): unknown[] {
    const isIterable = typeof given === 'object' && given !== null && iterator in given;
    if (!isIterable) throw new NativeTypeError(`${owner}() takes a list, not ${shown(given)}`);
    const items = isArray(given) ? given : from(given as Iterable<unknown>);
    if (items.length > maxItems)
      throw new NativeTypeError(
        `${owner}() takes at most ${text(maxItems)} items, and there are ${text(items.length)}`,
      );
    return items;
  }

  function mustCall(given: unknown, what: string): void {
    if (typeof given !== 'function')
      throw new NativeTypeError(`${what} is ${shown(given)}: write a function, such as () => agent('…')`);
  }

  /** All at once, each through its stages; what one of them throws makes it null and is told. */
  async function each(
    count: number,
    owner: string,
    first: (i: number) => unknown,
    stages: Record<number, (value: unknown, i: number) => unknown>,
  ): Promise<unknown[]> {
    const results: unknown[] = [];
    const runs = create(null) as Record<number, Promise<void>>;
    const one = async (i: number): Promise<void> => {
      results[i] = null;
      try {
        let value = await first(i);
        for (let k = 0; stages[k]; k++) value = await stages[k]!(value, i);
        results[i] = value;
      } catch (error) {
        host('lost', `item ${text(i)} of ${owner}() is null: ${told(error)}`);
      }
    };
    for (let i = 0; i < count; i++) runs[i] = one(i);
    for (let i = 0; i < count; i++) await runs[i];
    return results;
  }

  async function parallel(thunks: unknown): Promise<unknown[]> {
    const items = itemsOf(thunks, 'parallel');
    for (let i = 0; i < items.length; i++) mustCall(items[i], `item ${text(i)} of parallel()`);
    return each(items.length, 'parallel', (i) => (items[i] as () => unknown)(), create(null));
  }

  async function pipeline(given: unknown, ...stages: unknown[]): Promise<unknown[]> {
    const items = itemsOf(given, 'pipeline');
    const steps = create(null) as Record<number, (value: unknown, i: number) => unknown>;
    for (let k = 0; k < stages.length; k++) {
      const stage = stages[k] as (value: unknown, item: unknown, i: number) => unknown;
      mustCall(stage, `stage ${text(k + 1)} of pipeline()`);
      steps[k] = (value, i) => stage(value, items[i], i);
    }
    return each(items.length, 'pipeline', (i) => items[i], steps);
  }

  function line(message: unknown): string {
    return typeof message === 'string' ? message : told(message);
  }

  function phase(title: unknown): void {
    host('phase', line(title));
  }

  function log(message: unknown): void {
    host('log', line(message));
  }

  function approve(title: unknown): Promise<unknown> {
    const stack = where();
    if (typeof title !== 'string' || title === '') return never('approve() takes the question as a text', stack);
    return wait('approve', stack, title);
  }

  async function workflow(script: unknown, given?: unknown): Promise<unknown> {
    const stack = where();
    const passed = json(given, 'what workflow() was given as args');
    const id = await wait('workflow', stack, json(script, 'what workflow() was asked to run'));
    const { body, meta } = bodies[id as number]!;
    delete bodies[id as number];
    return body(meta, passed === undefined ? undefined : parse(passed), nested);
  }

  async function nested(): Promise<never> {
    throw failure('workflow() inside a workflow() is one level too deep: call agent() there', where());
  }

  const budget = freeze({
    get total() {
      return money.total;
    },
    spent: () => money.spent,
    remaining: () => (money.total === null ? Infinity : money.total > money.spent ? money.total - money.spent : 0),
  });

  async function run(body: ScriptBody, metaText: string): Promise<void> {
    try {
      const value = await body(parse(metaText), args, workflow);
      host('end', json(value, 'what the script returned'));
    } catch (error) {
      host('threw', told(error), stackOf(error));
    }
  }

  const inArgs = 'make runs differ: pass it through args';
  function ScriptDate(this: unknown, ...given: unknown[]): unknown {
    if (new.target === undefined || given.length === 0) throw new NativeError(`the time would ${inArgs}`);
    return construct(NativeDate, given, new.target === ScriptDate ? NativeDate : new.target) as unknown;
  }
  ScriptDate.prototype = NativeDate.prototype;
  ScriptDate.parse = NativeDate.parse;
  ScriptDate.UTC = NativeDate.UTC;
  ScriptDate.now = () => {
    throw new NativeError(`Date.now() would ${inArgs}`);
  };
  fix(NativeDate.prototype, 'constructor', ScriptDate);
  defineProperty(globalThis, 'Date', { value: ScriptDate, writable: true, configurable: true, enumerable: false });
  fix(Math, 'random', () => {
    throw new NativeError(`Math.random() would ${inArgs}, or vary by index`);
  });
  // `await` asks a promise for these two.
  fix(NativePromise.prototype, 'constructor', NativePromise);
  fix(NativePromise.prototype, 'then', NativePromise.prototype.then);
  // It would be told the functions on the stack, and ours may be among them.
  fix(NativeError, 'prepareStackTrace', undefined);

  const args: unknown = argsText === undefined ? undefined : parse(argsText);
  const globals = { agent, agentResult, parallel, pipeline, phase, log, args, budget, workflow, approve };
  for (const name of Object.keys(globals)) fix(globalThis, name, globals[name as keyof typeof globals], true);

  /** What ends a wait, once. */
  function taken(id: number): (typeof open)[number] {
    const found = open[id]!;
    delete open[id];
    return found;
  }

  return {
    settle(id, isFine, answer) {
      const { resolve, reject } = taken(id);
      if (isFine) return resolve(parse(answer));
      const { message, at } = parse(answer) as { message: string; at?: string };
      reject(failure(message, at));
    },
    start(id, body, metaText) {
      bodies[id] = { body, meta: parse(metaText) };
      taken(id).resolve(id);
    },
    run,
    budget(total, spent) {
      money.total = total;
      money.spent = spent;
    },
    where,
  };
}
