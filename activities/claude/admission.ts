import type { Usage } from '../../workflows/contract/task.schema.ts';
import type { Admission, ClaudeCall, ClaudeTrouble } from './claude.ts';
import type { ProviderLimits, Reservation } from './limits/limits.ts';
import { conversationKey, leadingPrefixes, promptTokens, stablePrefix } from './prefix.ts';
import type { Passage, PrefixGate } from './prefix-gate.ts';
import { SharedContexts } from './shared-contexts.ts';

/** How long the cache keeps a prefix after its last use, by the markers of `params.ts`. */
const STABLE_TTL_MS = 3_600_000;
const SHARED_TTL_MS = 300_000;

/** Decides when a call may be made: its prefix first, then the provider's limits. One per endpoint and credential. */
export class Admissions {
  readonly #gate: PrefixGate;
  readonly #contexts = new SharedContexts();

  readonly #limits: ProviderLimits | undefined;

  constructor(limits: ProviderLimits | undefined, gate: PrefixGate) {
    this.#limits = limits;
    this.#gate = gate;
  }

  /** As `Claude.admit`. */
  async admit(call: ClaudeCall, { fleetId, signal }: { fleetId: string; signal: AbortSignal }): Promise<Grant> {
    const passages: Passage[] = [];
    try {
      const sharedBlock = await this.#pass(call, passages, signal);
      const { model, maxTokens } = call;
      const request = { model, fleetId, maxTokens, inputTokens: promptTokens(call), signal };
      return new Grant(passages, await this.#limits?.admit(request), sharedBlock);
    } catch (error) {
      for (const passage of passages) passage.gaveUp();
      throw error;
    }
  }

  /**
   * First the tools and the system text, then, for a conversation that begins with data others have too, that data. Who has
   * data of its own waits for nobody on its account.
   */
  async #pass(call: ClaudeCall, passages: Passage[], signal: AbortSignal): Promise<number | undefined> {
    const stable = stablePrefix(call);
    const leading = leadingPrefixes(call);
    const keys = leading.map(({ prefix }) => prefix.key);
    if (leading.length > 0) this.#contexts.note(conversationKey(call), keys);
    if (stable !== undefined) passages.push(await this.#gate.pass(stable.key, STABLE_TTL_MS, signal));
    const shared = leading.findLast(({ prefix }) => this.#contexts.isShared(prefix.key)) ?? leading.at(-1);
    if (shared !== undefined) passages.push(await this.#gate.pass(shared.prefix.key, SHARED_TTL_MS, signal));
    return shared?.at;
  }
}

/** Leave for one call; `call` tells it how that went. Nothing it is told twice counts twice. */
export class Grant implements Admission {
  /** Index in the first message of the last data block that other conversations begin with too. */
  readonly sharedBlock: number | undefined;
  readonly #passages: readonly Passage[];
  readonly #reservation: Reservation | undefined;
  #isTaken = false;

  constructor(passages: readonly Passage[], reservation: Reservation | undefined, sharedBlock: number | undefined) {
    this.#passages = passages;
    this.#reservation = reservation;
    this.sharedBlock = sharedBlock;
  }

  /** The grant behind an admission, for the one call it is good for. Throws for a second one and for a foreign one. */
  static take(admission: Admission | undefined): Grant | undefined {
    if (admission === undefined) return undefined;
    if (!(admission instanceof Grant) || admission.#isTaken) throw new Error('an admission is for one call: ask again');
    admission.#isTaken = true;
    return admission;
  }

  /** Status and headers are there; of a refusal too. */
  observe({ status, headers }: Response): void {
    this.#reservation?.observe(status, headers);
  }

  /** The first bytes of a good answer are there. */
  started(): void {
    for (const passage of this.#passages) passage.started();
  }

  settle(usage: Usage): void {
    this.#reservation?.settle(usage);
  }

  refused(trouble: ClaudeTrouble): void {
    this.#reservation?.refused(trouble);
  }

  /** Also the end of every call: what is still held by then had no answer. */
  release(): void {
    this.#isTaken = true;
    this.#reservation?.settle(undefined);
    for (const passage of this.#passages) passage.gaveUp();
  }
}
