import type { Usage } from '../../../workflows/contract/task.schema.ts';
import type { ClaudeTrouble } from '../claude.ts';

/** What a call will ask of the provider's limits. */
export interface AdmissionRequest {
  model: string;
  fleetId: string;
  /** The whole prompt, cached or not: how much of such a prompt counts is learnt from `settle`. */
  inputTokens: number;
  maxTokens: number;
  signal: AbortSignal;
}

/** Leave for one call, and the place to say what became of it. Every method is safe to call twice and in any order. */
export interface Reservation {
  /** Status and headers of the response, as soon as they are there; of refusals too. */
  observe(status: number, headers: Headers): void;
  /** What it took in the end; undefined: no answer. Also gives a call back that was never made. The first end counts. */
  settle(usage: Usage | undefined): void;
  /** The provider refused it: holds back the whole class, or all classes, as the trouble has it. Settles. */
  refused(trouble: ClaudeTrouble): void;
}

/** The provider's limits as one worker keeps them. It knows of other workers only by what they leave of the limits. */
export interface ProviderLimits {
  /**
   * Waits for room; fair between fleets, first come first served within one. Rejects with `signal.reason`, or at once with
   * the `ClaudeTrouble` that makes all calls of this model vain (spend cap, authentication).
   */
  admit(request: AdmissionRequest): Promise<Reservation>;
}
