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

/** How far a call came that had no answer. */
export type Fate = 'never made' | 'refused' | 'broken off';

/** The limiter's side of a reservation. */
export interface Ledger {
  observed(granted: Granted, status: number, headers: Headers): void;
  ended(granted: Granted, outcome: Usage | Fate): void;
  refused(granted: Granted, trouble: ClaudeTrouble): void;
}

/** Tells the ledger each thing once. */
export class LedgerReservation implements Reservation {
  readonly #ledger: Ledger;
  readonly #granted: Granted;
  #hasBegun = false;
  #hasFailed = false;
  #hasEnded = false;

  constructor(ledger: Ledger, granted: Granted) {
    this.#ledger = ledger;
    this.#granted = granted;
  }

  observe(status: number, headers: Headers): void {
    if (this.#hasEnded) return;
    if (status < 400) this.#hasBegun = true;
    else this.#hasFailed = true;
    this.#ledger.observed(this.#granted, status, headers);
  }

  get #fate(): Fate {
    if (this.#hasBegun) return 'broken off';
    return this.#hasFailed ? 'refused' : 'never made';
  }

  settle(usage: Usage | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#ledger.ended(this.#granted, usage ?? this.#fate);
  }

  refused(trouble: ClaudeTrouble): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#ledger.refused(this.#granted, trouble);
    this.#ledger.ended(this.#granted, this.#hasBegun ? 'broken off' : 'refused');
  }
}
