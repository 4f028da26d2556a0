import type { Usage } from '../../../workflows/contract/task.schema.ts';
import type { ClaudeTrouble } from '../claude.ts';
import type { Entry } from './allowance.ts';
import type { Gate } from './gate.ts';
import type { AdmissionRequest, Reservation } from './limits.ts';

/** What the limiter needs to know of a call it let go. */
export interface Granted {
  readonly request: AdmissionRequest;
  readonly entry: Entry;
  readonly atMs: number;
  /** Those it was let through to find out whether they still hold. */
  readonly probed: readonly Gate[];
}

/** The limiter's side of a reservation. */
export interface Ledger {
  observed(granted: Granted, status: number, headers: Headers): void;
  ended(granted: Granted, usage: Usage | undefined, hasBegun: boolean): void;
  refused(granted: Granted, trouble: ClaudeTrouble): void;
}

/** Tells the ledger each thing once. */
export class LedgerReservation implements Reservation {
  readonly #ledger: Ledger;
  readonly #granted: Granted;
  #hasBegun = false;
  #hasEnded = false;

  constructor(ledger: Ledger, granted: Granted) {
    this.#ledger = ledger;
    this.#granted = granted;
  }

  observe(status: number, headers: Headers): void {
    this.#hasBegun ||= status < 400;
    this.#ledger.observed(this.#granted, status, headers);
  }

  settle(usage: Usage | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#ledger.ended(this.#granted, usage, this.#hasBegun);
  }

  refused(trouble: ClaudeTrouble): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#ledger.refused(this.#granted, trouble);
    this.#ledger.ended(this.#granted, undefined, false);
  }
}
