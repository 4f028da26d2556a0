/** Stable names of what can be wrong with a request; users' scripts compare them. */
export type FleetFailureCode =
  'unknown_fleet' | 'unknown_label' | 'fleet_ended' | 'nothing_to_retry' | 'unreachable' | 'not_started' | 'damaged';

/** A request that cannot be met, in words for people. `hint`: what to do next. */
export class FleetFailure extends Error {
  override name = 'FleetFailure';
  readonly code: FleetFailureCode;
  readonly hint: string | undefined;

  constructor(code: FleetFailureCode, message: string, hint?: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.hint = hint;
  }
}
