import type { FleetCarry } from '../contract/messages.ts';
import type { FleetState, PauseReason } from '../contract/statuses.ts';

type End = 'completed' | 'failed' | 'cancelled';
type Mode = FleetState | 'failing' | 'cancelling';

/** Where a fleet stands: running, paused for a reason, on its way to an early end, ended. */
export class Life {
  private mode: Mode;
  private pause: { reason: PauseReason; resetAtMs?: number } | undefined;

  constructor(carry: Pick<FleetCarry, 'state' | 'reason' | 'resetAtMs'> | undefined) {
    this.mode = carry?.state === 'paused' ? 'paused' : 'running';
    if (carry?.reason)
      this.pause = { reason: carry.reason, ...(carry.resetAtMs !== undefined && { resetAtMs: carry.resetAtMs }) };
  }

  get isRunning(): boolean {
    return this.mode === 'running';
  }
  /** The failure policy is ending it: those in flight may finish. */
  get isFailing(): boolean {
    return this.mode === 'failing';
  }
  get isCancelling(): boolean {
    return this.mode === 'cancelling';
  }
  /** Neither ended nor on its way to an early end. */
  get isSteerable(): boolean {
    return this.mode === 'running' || this.mode === 'paused';
  }
  get isPausedForMoney(): boolean {
    return this.pause?.reason === 'budget_reached';
  }
  get state(): { state: FleetState; reason?: PauseReason; resetAtMs?: number } {
    if (this.mode === 'paused') return { state: 'paused', ...this.pause! };
    return { state: this.isFailing || this.isCancelling ? 'running' : (this.mode as FleetState) };
  }

  /** A person's pause outranks a provider's, whose reset must not wake the fleet. */
  pauseFor(reason: PauseReason, resetAtMs?: number): void {
    if (!this.isSteerable || (this.pause?.reason === 'user' && reason !== 'user')) return;
    this.mode = 'paused';
    this.pause = { reason, ...(resetAtMs !== undefined && { resetAtMs }) };
  }
  resume(): void {
    if (this.mode !== 'paused') return;
    this.mode = 'running';
    this.pause = undefined;
  }
  fail(): void {
    this.mode = 'failing';
  }
  /** Does nothing once it has ended. */
  cancel(): void {
    if (!this.isSteerable && !this.isFailing) return;
    this.mode = 'cancelling';
    this.pause = undefined;
  }
  end(state: End): End {
    return (this.mode = state);
  }
}
