import { EvalFlags, type JSValueHandle, type QuickJS } from 'quickjs-wasi';
import { FAILURES } from '../../../workflows/contract/failures.ts';
import type { ScriptError } from '../../../workflows/contract/units.ts';
import { ENGINE_MEMORY_BYTES, MAX_VALUE_CHARS } from '../limits.ts';
import { parseScript } from '../parse.ts';
import type { News, Opening, Round, ScriptCall, Turn } from '../protocol.ts';
import { createMachine, Fuel } from './machine.ts';
import { frame, placeIn, thrown } from './places.ts';
import { MAX_ITEMS, prelude } from './prelude.ts';
import { settled } from './settlement.ts';
import { Waits } from './waits.ts';

const PRELUDE_FILE = 'muster';
const REJECTED = 2;
/** Of its memory: too full to go on. */
const NEARLY = 0.9;
const OUT_OF_MEMORY = 'out of memory';
const TOO_MUCH_MEMORY = `${OUT_OF_MEMORY}: a script may hold ${(ENGINE_MEMORY_BYTES / 2 ** 20).toString()} MiB`;

/** The functions of the prelude, held by the host alone. */
type Hands = Record<'settle' | 'start' | 'run' | 'budget' | 'where', JSValueHandle>;

/**
 * One script in one engine, driven turn by turn. Whatever the script does ends as a round; what throws besides is a fault
 * of ours.
 */
export class Interpreter {
  readonly #vm: QuickJS;
  readonly #fuel: Fuel;
  readonly #opening: Opening;
  readonly #waits: Waits;
  readonly #hands: Hands;
  /** Of other scripts it has run. */
  readonly #files = new Set<string>();
  #main: JSValueHandle | undefined;
  #end: Round['end'];
  #interruptedAt = '';

  /** `onCall` hears of each call as it is made; `onWork` once, when the script computes a lot. */
  static async open(
    opening: Opening,
    onCall: (call: ScriptCall) => void,
    onWork: () => void = () => undefined,
  ): Promise<Interpreter> {
    const fuel = new Fuel(opening.fuelTicks, onWork);
    return new Interpreter(await createMachine(fuel, opening.clockMs), fuel, opening, onCall);
  }

  private constructor(vm: QuickJS, fuel: Fuel, opening: Opening, onCall: (call: ScriptCall) => void) {
    this.#vm = vm;
    this.#fuel = fuel;
    this.#opening = opening;
    this.#waits = new Waits((stack) => this.#frameOf(stack), onCall);
    this.#hands = this.#takeHands();
  }

  async turn(turn: Turn): Promise<Round> {
    try {
      await this.#play(turn);
    } catch (error) {
      this.#end = { error: this.#broken(error) };
    }
    // Whatever the script made of it: past its fuel nothing it says counts.
    if (this.#fuel.isSpent) this.#end = { error: this.#interrupted() };
    const isStuck = this.#end === undefined && !this.#waits.isAnyOpen;
    return { ...this.#waits.takeRound(), isStuck, ...(this.#end && { end: this.#end }) };
  }

  async #play({ isFirst, exchange, news, budget }: Turn): Promise<void> {
    if (isFirst) {
      this.#fuel.refill(() => (this.#interruptedAt = this.#call('where').toString()));
      this.#waits.begin(exchange);
    }
    this.#waits.budget = budget;
    this.#call('budget', budget.total, budget.spent).dispose();
    if (!this.#main) await this.#start();
    for (const item of news) await this.#hear(item);
    if (this.#end === undefined) this.#vm.executePendingJobs();
    // It always tells how it ended, unless there was no memory left for that.
    if (this.#end === undefined && this.#main?.promiseState === REJECTED) throw new Error(OUT_OF_MEMORY);
  }

  async #start(): Promise<void> {
    const { file, source } = this.#opening;
    const parsed = parseScript(source, file);
    if (!parsed.ok) {
      const { line, column, message, hint } = parsed.faults[0]!;
      this.#end = { error: { type: FAILURES.scriptSyntax, message: `${message}; ${hint}`, line, column } };
      return;
    }
    this.#main = this.#call('run', await this.#bodyOf(parsed.body, file), JSON.stringify(parsed.meta));
  }

  async #hear(news: News): Promise<void> {
    if (news.kind === 'script') return this.#startOther(news);
    if (news.kind === 'decided') {
      const ask = this.#waits.endAsk(news.exchange);
      if (!ask) return;
      const rejected = { message: `rejected: ${ask.title}`, at: ask.at };
      return this.#settle(ask.id, news.isApproved ? { value: true } : rejected);
    }
    if (news.kind === 'refused') {
      const wait = this.#waits.endAgent(news.id) ?? this.#waits.endScript(news.id);
      return wait && this.#settle(news.id, { message: news.message, at: wait.at });
    }
    const wait = this.#waits.endAgent(news.id);
    if (!wait) return;
    const outcome = settled(wait, news.result);
    this.#settle(news.id, 'value' in outcome ? outcome : { ...outcome, at: wait.at });
  }

  async #startOther({ id, file, source }: News & { kind: 'script' }): Promise<void> {
    const wait = this.#waits.endScript(id);
    if (!wait) return;
    const parsed = parseScript(source, file);
    if (!parsed.ok) {
      const { line, column, message, hint } = parsed.faults[0]!;
      const place = `${file}:${line.toString()}:${column.toString()}`;
      return this.#settle(id, { message: `${place}: ${message}; ${hint}`, at: wait.at });
    }
    this.#files.add(file);
    this.#call('start', id, await this.#bodyOf(parsed.body, file), JSON.stringify(parsed.meta)).dispose();
  }

  #settle(id: number, outcome: { value: unknown } | { message: string; at: string | undefined }): void {
    const isFine = 'value' in outcome;
    this.#call('settle', id, isFine, JSON.stringify(isFine ? outcome.value : outcome)).dispose();
  }

  /** The function a script is; nothing of it has run. */
  async #bodyOf(module: string, file: string): Promise<JSValueHandle> {
    using evaluated = this.#vm.evalCode(module, file, EvalFlags.TYPE_MODULE);
    const outcome = await this.#vm.resolvePromise(evaluated);
    if ('error' in outcome) throw new Error('a script that was read is no module to the engine');
    return outcome.value.getProp('default');
  }

  #call(hand: keyof Hands, ...given: (JSValueHandle | string | number | boolean | null)[]): JSValueHandle {
    const handles = given.map((value) => this.#handleOf(value));
    try {
      return this.#vm.callFunction(this.#hands[hand], this.#vm.undefined, ...handles);
    } finally {
      for (const handle of handles) handle.dispose();
    }
  }

  #handleOf(value: JSValueHandle | string | number | boolean | null): JSValueHandle {
    if (typeof value === 'string') return this.#vm.newString(value);
    if (typeof value === 'number') return this.#vm.newNumber(value);
    if (typeof value === 'boolean') return value ? this.#vm.true : this.#vm.false;
    return value ?? this.#vm.null;
  }

  #takeHands(): Hands {
    const { args } = this.#opening;
    using host = this.#vm.newFunction('host', (...given) => this.#answer(given.map(textOf)));
    using made = this.#vm.evalCode(`(${prelude.toString()})`, PRELUDE_FILE);
    using argsText = args === undefined ? this.#vm.undefined : this.#vm.newString(args);
    using maxItems = this.#vm.newNumber(MAX_ITEMS);
    using hands = this.#vm.callFunction(made, this.#vm.undefined, host, argsText, maxItems);
    const of = (name: keyof Hands): JSValueHandle => hands.getProp(name);
    return { settle: of('settle'), start: of('start'), run: of('run'), budget: of('budget'), where: of('where') };
  }

  /** The host's one function. Never throws: the engine would show the script our stack. */
  #answer([operation = '', a, b, stack]: (string | undefined)[]): JSValueHandle {
    if (operation === 'end') this.#finish(a);
    else if (operation === 'threw') this.#fail(a ?? '', b ?? '');
    else if (!this.#fuel.operate((a?.length ?? 0) + (b?.length ?? 0))) return this.#vm.newString('interrupted');
    else {
      const answer = this.#waits.handle(operation, a, b, stack);
      if (typeof answer === 'string') return this.#vm.newString(answer);
      if (typeof answer === 'number') return this.#vm.newNumber(answer);
    }
    return this.#vm.undefined;
  }

  #finish(value: string | undefined): void {
    const message = `what the script returned is longer than ${MAX_VALUE_CHARS.toString()} characters as JSON`;
    const isTooLong = (value?.length ?? 0) > MAX_VALUE_CHARS;
    this.#end ??= isTooLong
      ? { error: { type: FAILURES.scriptThrew, message } }
      : { ...(value !== undefined && { value }) };
  }

  #fail(message: string, stack: string): void {
    const error = thrown(message, stack, this.#opening.file, this.#files);
    this.#end ??= { error: message === 'null' && this.#isFull ? this.#broken(error) : error };
  }

  #interrupted(): ScriptError {
    const message = 'interrupted: the script computed for too long without waiting for an agent';
    // A frame that has called nothing yet does not know where it is.
    const inside = this.#interruptedAt.replace(/^.*:1:1\)$/gm, '');
    const { file } = this.#opening;
    return { ...thrown(message, inside, file, this.#files), type: FAILURES.scriptInterrupted };
  }

  /** The engine gave up: mostly it has no memory for what the host asks of it. */
  #broken(error: unknown): ScriptError {
    const said = error instanceof Error ? error.message : String(error);
    if (said.includes(OUT_OF_MEMORY) || this.#isFull) return { type: FAILURES.scriptMemory, message: TOO_MUCH_MEMORY };
    return { type: FAILURES.scriptThrew, message: said };
  }

  /** Where there is no memory for an error either, what is thrown is null. */
  get #isFull(): boolean {
    return this.#vm.getMemoryUsage().mallocSize > ENGINE_MEMORY_BYTES * NEARLY;
  }

  #frameOf(stack: string): string | undefined {
    const place = placeIn(stack, new Set([this.#opening.file, ...this.#files]));
    return place && frame(place);
  }
}

function textOf(handle: JSValueHandle): string | undefined {
  return handle.isString ? handle.toString() : undefined;
}
