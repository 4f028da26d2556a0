import { requireClaude, type Config } from '../config.ts';
import { runEligible } from '../spec/eligible.ts';
import type { FleetPlan } from '../spec/plan.ts';
import { scoutPlan } from '../spec/scout-plan.ts';
import { planWaves } from '../spec/wave-plan.ts';
import type { PreviewFlags } from './commands/preview.ts';
import { confirmSpending } from './confirmation.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { plural } from './figures.ts';
import type { Terminal } from './terminal.ts';

/** Nothing is to be previewed, and nothing would be run. */
export class NobodyEligible extends Error {
  override name = 'NobodyEligible';
}

/** Narrows a plan to its scouts, as `StartOptions.review` may, and remembers the whole for the forecast. */
export class ScoutReview {
  readonly #file: string;
  readonly #flags: PreviewFlags;
  readonly #settings: { config: Config; terminal: Terminal };
  readonly #signal: AbortSignal;
  whole: FleetPlan | undefined;
  eligible = 0;
  said = '';

  constructor(
    file: string,
    flags: PreviewFlags,
    settings: { config: Config; terminal: Terminal },
    signal: AbortSignal,
  ) {
    this.#file = file;
    this.#flags = flags;
    this.#settings = settings;
    this.#signal = signal;
  }

  async review(loaded: FleetPlan): Promise<FleetPlan> {
    if (loaded.script) throw notPreviewed(this.#file);
    const { isSimulated } = requireClaude(this.#settings.config);
    const whole = await runEligible(loaded, { signal: this.#signal });
    planWaves(whole); // a gate that can never open is told now, not when the scouts have been paid
    const scouts = scoutPlan(whole, this.#flags.limit);
    if (!scouts) throw new NobodyEligible(`none of ${plural(whole.tasks.length, 'target')} is eligible: nothing to do`);
    const isAgreed = this.#flags.yes === true;
    await confirmSpending({ plan: scouts.plan, isSimulated, isAgreed }, this.#settings.terminal);
    this.whole = whole;
    this.eligible = scouts.eligible;
    this.said = `${scouts.plan.tasks.length} of ${plural(scouts.eligible, 'target')}${isSimulated ? ', simulated' : ''}`;
    return scouts.plan;
  }
}

function notPreviewed(file: string): CommandFailure {
  return new CommandFailure(
    EXIT.usage,
    `${file}: workflow scripts are not previewed: only running one shows what it starts`,
    `muster validate ${file} checks it, and muster run ${file} --simulate runs it without cost`,
    'not_previewed',
  );
}
