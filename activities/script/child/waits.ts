import { optionFault, type OnNull } from '../agent-options.ts';
import { MAX_CALL_CHARS, MAX_CALLS } from '../limits.ts';
import type { Round, ScriptCall, Turn } from '../protocol.ts';
import { Narration } from './narration.ts';
import type { AgentWait } from './settlement.ts';

interface Ask {
  id: number;
  title: string;
  at: string | undefined;
}

/**
 * What a script waits for, and what it asks for meanwhile. Answers its calls at once with the number of a wait, or with
 * what is wrong. Everything here is bounded, for a script may be hostile.
 */
export class Waits {
  budget: Turn['budget'] = { total: null, spent: 0 };
  readonly #narration = new Narration();
  readonly #frameOf: (stack: string) => string | undefined;
  readonly #onCall: (call: ScriptCall) => void;
  readonly #agents = new Map<number, AgentWait & { at: string | undefined }>();
  readonly #scripts = new Map<number, { at: string | undefined }>();
  /** Not yet asked, oldest first: one is asked in an exchange, for an answer names the exchange. */
  readonly #unasked: Ask[] = [];
  readonly #asked = new Map<number, Ask>();
  #wanted: Round['scripts'] = [];
  #ids = 0;
  #exchange = 0;
  /** Of this exchange; of those the ones since the round before. */
  #calls = 0;
  #callChars = 0;
  #newCalls = 0;
  #phase: string | undefined;

  constructor(frameOf: (stack: string) => string | undefined, onCall: (call: ScriptCall) => void) {
    this.#frameOf = frameOf;
    this.#onCall = onCall;
  }

  begin(exchange: number): void {
    this.#exchange = exchange;
    this.#calls = 0;
    this.#callChars = 0;
    this.#narration.begin();
  }

  get isAnyOpen(): boolean {
    return this.#agents.size + this.#scripts.size + this.#unasked.length + this.#asked.size > 0;
  }

  takeRound(): Pick<Round, 'calls' | 'progress' | 'scripts' | 'ask'> {
    const calls = this.#newCalls;
    const scripts = this.#wanted;
    this.#newCalls = 0;
    this.#wanted = [];
    const ask = this.#asked.has(this.#exchange) ? undefined : this.#unasked.shift();
    if (ask) this.#asked.set(this.#exchange, ask);
    const progress = this.#narration.take();
    return { calls, progress, scripts, ...(ask && { ask: { id: ask.id, title: ask.title } }) };
  }

  /** An operation of the prelude. */
  handle(operation: string, a = '', b = '', stack = ''): number | string | undefined {
    switch (operation) {
      case 'agent':
      case 'agentResult':
        return this.#callAgent(operation, a, b, stack);
      case 'approve':
        this.#unasked.push({ id: ++this.#ids, title: a, at: this.#frameOf(stack) });
        return this.#ids;
      case 'workflow':
        return this.#callScript(a, stack);
      case 'phase':
        this.#phase = a;
        this.#narration.say('phase', a);
        return undefined;
      case 'log':
        this.#narration.say('log', a);
        return undefined;
      case 'lost':
        this.#narration.lose(a);
        return undefined;
      default:
        return `there is no ${operation}`;
    }
  }

  endAgent(id: number): (AgentWait & { at: string | undefined }) | undefined {
    const wait = this.#agents.get(id);
    this.#agents.delete(id);
    return wait;
  }

  endAsk(exchange: number): Ask | undefined {
    const ask = this.#asked.get(exchange);
    this.#asked.delete(exchange);
    return ask;
  }

  endScript(id: number): { at: string | undefined } | undefined {
    const wait = this.#scripts.get(id);
    this.#scripts.delete(id);
    return wait;
  }

  #callAgent(kind: ScriptCall['kind'], prompt: string, optionsText: string, stack: string): number | string {
    const { total, spent } = this.budget;
    if (total !== null && spent >= total)
      return `the budget is spent: ${spent.toString()} of ${total.toString()} output tokens`;
    const given: unknown = JSON.parse(optionsText);
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      return `${kind}() takes its options as an object`;
    // What is null was left out.
    const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
    const fault = optionFault(options);
    if (fault !== undefined) return fault;
    this.#callChars += prompt.length + optionsText.length;
    if (this.#calls >= MAX_CALLS || this.#callChars > MAX_CALL_CHARS)
      return `more than ${MAX_CALLS.toString()} agents, or too much text for them, at one time: await some of them first`;
    this.#calls++;
    this.#newCalls++;
    const id = ++this.#ids;
    const hasSchema = 'schema' in options || 'outputSchema' in options;
    const { onNull = 'null', phase = this.#phase } = options as { onNull?: OnNull; phase?: string };
    this.#agents.set(id, { kind, hasSchema, onNull, at: this.#frameOf(stack) });
    this.#onCall({ id, kind, prompt, options, ...(phase !== undefined && { phase }) });
    return id;
  }

  #callScript(text: string, stack: string): number | string {
    const of: unknown = text === '' ? undefined : JSON.parse(text);
    const path = typeof of === 'object' && of !== null && 'scriptPath' in of ? of.scriptPath : undefined;
    if (typeof of !== 'string' && typeof path !== 'string')
      return "workflow() takes the name of a saved script, or { scriptPath: 'a/file.js' }";
    const id = ++this.#ids;
    this.#scripts.set(id, { at: this.#frameOf(stack) });
    this.#wanted.push({ id, ...(typeof of === 'string' ? { name: of } : { path: path as string }) });
    return id;
  }
}
