import type { Log } from '../../observe/log.ts';
import { ClaudeTrouble } from '../claude.ts';
import { ClassLimiter } from './class-limiter.ts';
import { systemClock, type Clock } from './clock.ts';
import { Gate } from './gate.ts';
import type { AdmissionRequest, ProviderLimits, Reservation } from './limits.ts';
import { modelClass } from './model-class.ts';

export interface LimitsOptions {
  log?: Log;
  clock?: Clock;
  /** In [0, 1). */
  random?: () => number;
  /** After a refusal that makes all calls vain, until one may find out whether it still does: milliseconds. */
  probeAfterMs?: number;
}

const PROBE_AFTER_MS = 30_000;

interface ModelClass {
  readonly limiter: ClassLimiter;
  readonly gate: Gate;
}

/** The limits of one credential, as one worker keeps them: nothing is known at first. One per worker process. */
export function createProviderLimits(options: LimitsOptions = {}): ProviderLimits {
  const limits = new WorkerLimits(options);
  return { admit: (request) => limits.admit(request) };
}

class WorkerLimits implements ProviderLimits {
  readonly #options: LimitsOptions;
  readonly #clock: Clock;
  readonly #classes = new Map<string, ModelClass>();
  /** Of the credential: closed for every class. */
  readonly #gate: Gate;

  constructor(options: LimitsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#gate = this.#newGate();
  }

  async admit(request: AdmissionRequest): Promise<Reservation> {
    request.signal.throwIfAborted();
    const { limiter, gate } = this.#class(request.model);
    const gates = [this.#gate, gate];
    const passages = gates.map((one) => one.pass(this.#clock.now()));
    const probed = gates.filter((_, n) => passages[n] === 'probe');
    const refusal = passages.find((passage) => passage instanceof ClaudeTrouble);
    if (refusal === undefined && probed.length > 0 && !passages.includes('wait'))
      return limiter.admitProbe(request, probed);
    for (const one of probed) one.probeEnded();
    if (refusal !== undefined) throw refusal;
    return await limiter.admit(request);
  }

  #class(model: string): ModelClass {
    const name = modelClass(model);
    const known = this.#classes.get(name);
    if (known !== undefined) return known;
    const gate = this.#newGate();
    const limiter = new ClassLimiter({
      clock: this.#clock,
      random: this.#options.random ?? Math.random,
      close: (trouble, untilMs) => this.#close(name, trouble, untilMs),
      isProbed: () => this.#gate.isProbed || gate.isProbed,
      probeEnded: (gates, wasAnswered) => this.#probeEnded(gates, wasAnswered),
    });
    const created = { limiter, gate };
    this.#classes.set(name, created);
    return created;
  }

  #close(name: string, trouble: ClaudeTrouble, untilMs: number | undefined): void {
    const nowMs = this.#clock.now();
    const isOfAll = trouble.verdict.act === 'pause' && trouble.verdict.reason === 'authentication';
    const classes = isOfAll ? [...this.#classes.values()] : [this.#classes.get(name)!];
    const gate = isOfAll ? this.#gate : classes[0]!.gate;
    gate.close(trouble, nowMs, untilMs);
    const refused = classes.reduce((sum, { limiter }) => sum + limiter.refuseAll(gate.refusal(nowMs)), 0);
    const { message, verdict } = trouble;
    this.#options.log?.warn(
      { modelClass: isOfAll ? 'all' : name, verdict, message, refused },
      'model calls are held back',
    );
  }

  /** Answered, the gates open; else nothing is known, and who waited for the answer is refused as before. */
  #probeEnded(gates: readonly Gate[], wasAnswered: boolean): void {
    for (const gate of gates.filter(({ isProbed }) => isProbed)) {
      if (wasAnswered) gate.open();
      else gate.probeEnded();
      for (const one of this.#classes.values()) {
        if (wasAnswered) one.limiter.resume();
        else if (gate === this.#gate || gate === one.gate) one.limiter.refuseAll(gate.refusal(this.#clock.now()));
      }
    }
  }

  #newGate(): Gate {
    return new Gate(this.#options.probeAfterMs ?? PROBE_AFTER_MS);
  }
}
