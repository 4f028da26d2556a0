import { MICRO_USD } from '../../workflows/contract/limits.ts';
import { requireClaude, type Ci } from '../config.ts';
import type { StartOptions } from '../library/library.ts';
import type { OpenFleet } from '../library/open-fleet.ts';
import type { FleetPlan } from '../spec/plan.ts';
import { traced } from '../tracing.ts';
import type { RunFlags } from './commands/run.ts';
import { confirmSpending } from './confirmation.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { plural } from './figures.ts';
import { follow } from './follow.ts';
import { Interrupts } from './interrupts.ts';
import { planOptions, reuseOf, sourceOf } from './load-plan.ts';
import { openMuster, openSettings } from './session.ts';
import type { Terminal } from './terminal.ts';

type Settings = ReturnType<typeof openSettings>;

/** The whole of `muster run`; resolves with the exit code. Throws `InvalidFleet`, `CommandFailure` and `FleetFailure`. */
export async function runFleet(file: string | undefined, flags: RunFlags): Promise<number> {
  const options = startOptions(flags);
  const { simulate, quiet, input } = flags;
  const settings = openSettings({ simulate, quiet, input });
  return traced(settings.config.environment, 'muster run', async (span) => {
    const exitCode = await startAndFollow(file, { flags, options, settings });
    span?.set({ 'process.exit.code': exitCode });
    return exitCode;
  });
}

async function startAndFollow(
  file: string | undefined,
  { flags, options, settings }: { flags: RunFlags; options: StartOptions; settings: Settings },
): Promise<number> {
  const startedAtMs = Date.now();
  const { terminal } = settings;
  using interrupts = new Interrupts();
  await using muster = openMuster(settings);
  let isStarted = false;
  let plan: FleetPlan | undefined;
  try {
    const fleet = await muster.start(sourceOf(file, flags), {
      ...options,
      signal: interrupts.signal,
      review: async (loaded) => {
        const { isSimulated } = requireClaude(settings.config);
        await confirmSpending({ plan: loaded, isSimulated, isAgreed: flags.yes === true }, terminal);
        return (plan = loaded);
      },
    });
    isStarted = true;
    terminal.say(startedText(fleet, plan!));
    const { ci } = settings.config;
    if (flags.detach) return await detach(terminal, fleet, ci);
    const untilMs = flags.wait === undefined ? undefined : startedAtMs + flags.wait;
    return await follow(terminal, fleet, { format: flags.outputFormat, untilMs, interrupts, ci });
  } catch (error) {
    if (isStarted || interrupts.reason === undefined || error instanceof CommandFailure) throw error;
    terminal.say('nothing was started');
    return interrupts.reason === 'terminated' ? EXIT.terminated : EXIT.interrupted;
  }
}

function startOptions(flags: RunFlags): StartOptions {
  const { idempotencyKey } = flags;
  return {
    ...planOptions(flags),
    reuse: reuseOf(flags),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
}

function startedText({ id, isNew, record }: OpenFleet, { maxBudgetMicroUsd }: FleetPlan): string {
  if (!isNew) return `fleet ${id} was started before with this idempotency key`;
  const what = record.kind === 'script' ? 'a script' : plural(record.count, 'subagent');
  const budget = maxBudgetMicroUsd === null ? '' : `, budget $${maxBudgetMicroUsd / MICRO_USD}`;
  return `fleet ${id}: ${what}${budget}${record.simulated ? ', simulated' : ''}`;
}

async function detach(terminal: Terminal, fleet: OpenFleet, { stepSummary: file }: Ci): Promise<number> {
  terminal.say(`fleet ${fleet.id} started: \`muster watch ${fleet.id}\``);
  if (file !== undefined) {
    const { addToSummary, startedSummary } = await import('./ci/step-summary.ts');
    const trouble = addToSummary(file, startedSummary(fleet.id, fleet.name));
    if (trouble !== undefined) terminal.say(trouble);
  }
  terminal.data(`${JSON.stringify({ id: fleet.id, status: (await fleet.status()).status })}\n`);
  return EXIT.done;
}
