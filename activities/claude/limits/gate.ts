import { ClaudeTrouble } from '../claude.ts';

/** Nobody has asked for so long. */
const QUIET_MS = 500;

/**
 * Keeps calls back that would be vain, after a refusal that says so: spend cap, authentication, a far reset. Holds until its
 * reset; before it, and where there is none, one call at a time may find out whether it still holds: a while after the last
 * refusal, or as soon as somebody asks after a silence. All who were kept back have parked by then: a person has sent it.
 */
export class Gate {
  readonly #probeAfterMs: number;
  #trouble: ClaudeTrouble | undefined;
  #untilMs = Infinity;
  #probeAtMs = 0;
  #askedAtMs = 0;
  #isProbed = false;

  constructor(probeAfterMs: number) {
    this.#probeAfterMs = probeAfterMs;
  }

  /** Closes, or stays closed with the newer reason. `untilMs`: where the provider names a reset. */
  close(trouble: ClaudeTrouble, nowMs: number, untilMs = Infinity): void {
    this.#trouble = trouble;
    this.#untilMs = untilMs;
    this.#probeAtMs = nowMs + this.#probeAfterMs;
    this.#askedAtMs = nowMs;
    this.#isProbed = false;
  }

  open(): void {
    this.#trouble = undefined;
  }

  /** The probe ended without a word of the provider: another may try. */
  probeEnded(): void {
    this.#isProbed = false;
  }

  /** A probe is out: whether the gate opens is known in a moment. */
  get isProbed(): boolean {
    return this.#trouble !== undefined && this.#isProbed;
  }

  /** Leave to go, to go as the only one, to wait for that one's answer, or what to be refused with. */
  pass(nowMs: number): 'go' | 'probe' | 'wait' | ClaudeTrouble {
    if (nowMs >= this.#untilMs) this.open();
    if (this.#trouble === undefined) return 'go';
    if (this.#isProbed) return 'wait';
    const isQuiet = nowMs - this.#askedAtMs >= QUIET_MS;
    this.#askedAtMs = nowMs;
    if (nowMs < this.#probeAtMs && !isQuiet) return this.refusal(nowMs);
    this.#isProbed = true;
    return 'probe';
  }

  /** What a closed gate refuses with: the trouble that closed it. Of what is refused here nothing was sent, so nothing is billed. */
  refusal(nowMs: number): ClaudeTrouble {
    const trouble = this.#trouble;
    if (trouble === undefined) throw new Error('an open gate refuses nobody');
    const { message, verdict, requestId } = trouble;
    if (verdict.act !== 'retry' && !trouble.mayBeBilled) return trouble;
    const left = verdict.act === 'retry' ? { ...verdict, afterMs: this.#untilMs - nowMs } : verdict;
    return new ClaudeTrouble(message, { verdict: left, mayBeBilled: false, requestId, cause: trouble });
  }
}
