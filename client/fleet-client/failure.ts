/** Stable names of what can be wrong with a request; users' scripts compare them. */
export type FleetFailureCode =
  | 'unknown_fleet'
  | 'unknown_label'
  | 'fleet_ended'
  | 'nothing_to_retry'
  | 'no_credential'
  /** Nothing is asked that could be approved or rejected. */
  | 'not_asked'
  /** What is asked is not what the hash is of. */
  | 'changed'
  | 'bad_cursor'
  | 'unreachable'
  | 'not_started'
  | 'damaged';

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

/** An approval that no longer fits what is asked. */
export function changed(fleetId: string, cause?: unknown): FleetFailure {
  const message = `the fleet ${fleetId} asks for nothing of this hash: it has changed, or was decided`;
  return new FleetFailure('changed', message, `muster approve ${fleetId} shows what is asked now`, cause);
}
