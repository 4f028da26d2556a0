import { setImmediate as nextTick } from 'node:timers/promises';
import type { Admission, Claude, ClaudeCall } from '../claude/claude.ts';
import type { Clock } from './clock.ts';
import { Parked } from './ending.ts';

export interface LeaveOf {
  claude: Pick<Claude, 'admit'>;
  fleetId: string;
  clock: Pick<Clock, 'back'>;
}

/**
 * The provider's leave for one subagent's next call. It is asked for while the turn before is written down: only where it
 * is there at once may that write note the call's worst case, for whoever waits has spent nothing.
 */
export class Leave {
  private readonly of: LeaveOf;
  private asked: { call: ClaudeCall; admission: Promise<Admission> } | undefined;

  constructor(of: LeaveOf) {
    this.of = of;
  }

  /** Asks for this call, and says whether it may be made now. */
  async isThere(call: ClaudeCall): Promise<boolean> {
    this.giveBack();
    const admission = this.ask(call);
    this.asked = { call, admission };
    const isGiven = admission.then(
      () => true,
      () => false, // whoever takes it meets the refusal
    );
    return Promise.race([isGiven, nextTick(false)]);
  }

  /** Waits for it, in nobody's active time. Throws `Parked` once the subagent is wanted back, and `ClaudeTrouble`. */
  async take(call: ClaudeCall): Promise<Admission> {
    const { asked } = this;
    const isAsked = asked && asked.call.model === call.model && asked.call.messages.length === call.messages.length;
    if (!isAsked) this.giveBack();
    this.asked = undefined;
    try {
      return await (isAsked ? asked.admission : this.ask(call));
    } catch (error) {
      if (this.of.clock.back.aborted && error === this.of.clock.back.reason) throw new Parked({ for: 'drain' });
      throw error;
    }
  }

  /** The call is not made after all. Safe to call twice. */
  giveBack(): void {
    void this.asked?.admission.then(
      (admission) => admission.release(),
      () => undefined,
    );
    this.asked = undefined;
  }

  private ask(call: ClaudeCall): Promise<Admission> {
    const { claude, fleetId, clock } = this.of;
    return claude.admit(call, { fleetId, signal: clock.back });
  }
}
