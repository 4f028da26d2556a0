import { join, resolve } from 'node:path';
import { endpointHost } from '../../activities/claude/endpoint.ts';
import { snapshotDirectory } from '../../activities/workspace/snapshot.ts';
import { HOME } from '../../workflows/contract/home.ts';
import { MICRO_USD } from '../../workflows/contract/limits.ts';
import { requireClaude, type ClaudeAccess } from '../config.ts';
import type { Placement, Registered } from '../fleet-client/submit.ts';
import { runEligible } from '../spec/eligible.ts';
import type { FleetPlan } from '../spec/plan.ts';
import type { RunFlags } from './commands/run.ts';
import { confirmSpending } from './confirmation.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { plural } from './figures.ts';
import { follow } from './follow.ts';
import { Interrupts } from './interrupts.ts';
import { loadPlan } from './load-plan.ts';
import { openSession, openSettings, type Session } from './session.ts';

/** The whole of `muster run`; resolves with the exit code. Throws `InvalidFleet`, `CommandFailure` and `FleetFailure`. */
export async function runFleet(file: string, flags: RunFlags): Promise<number> {
  const startedAtMs = Date.now();
  if (flags.fresh && flags.reuse) throw new CommandFailure(EXIT.usage, '--fresh and --reuse exclude each other');
  const { simulate, quiet, input } = flags;
  const settings = openSettings({ simulate, quiet, input });
  const loaded = await loadPlan(file, flags, settings.config);
  for (const warning of loaded.warnings) settings.terminal.say(`warning: ${warning}`);
  const access = requireClaude(settings.config);
  const { isSimulated } = access;
  await confirmSpending({ plan: loaded, isSimulated, isAgreed: flags.yes === true }, settings.terminal);
  using interrupts = new Interrupts();
  let isStarted = false;
  try {
    const plan = await runEligible(loaded, { signal: interrupts.signal });
    await using session = await openSession(settings, { needsServer: true });
    const { fleet } = await submit(session, plan, access, flags, interrupts);
    isStarted = true;
    if (flags.detach) {
      session.terminal.say(`fleet ${fleet.id} started: \`muster watch ${fleet.id}\``);
      session.terminal.data(
        `${JSON.stringify({ id: fleet.id, status: (await session.client.status(fleet.id)).state })}\n`,
      );
      return EXIT.done;
    }
    const untilMs = flags.wait === undefined ? undefined : startedAtMs + flags.wait;
    return await follow(session, fleet, { format: flags.outputFormat, untilMs, interrupts });
  } catch (error) {
    if (isStarted || interrupts.reason === undefined || error instanceof CommandFailure) throw error;
    settings.terminal.say('nothing was started');
    return interrupts.reason === 'terminated' ? EXIT.terminated : EXIT.interrupted;
  }
}

async function submit(
  session: Session,
  plan: FleetPlan,
  access: ClaudeAccess,
  flags: RunFlags,
  { signal }: Interrupts,
): Promise<Registered> {
  const { client, stack, terminal } = session;
  const exclude = [stack.home, ...(plan.source === '-' ? [] : [resolve(plan.source)])];
  const cacheDirectory = join(stack.home, HOME.snapshots);
  const placement = async (): Promise<Placement> => ({
    agentsQueue: await stack.ensureWorker(access),
    endpoint: access.isSimulated ? 'simulated' : endpointHost(access.baseUrl),
    isSimulated: access.isSimulated,
    reuse: flags.fresh ? 'never' : flags.reuse ? 'always' : 'auto',
  });
  const submitted = await client.submit(plan, {
    snapshot: (directory) => snapshotDirectory(directory, { store: stack.store, cacheDirectory, exclude, signal }),
    placement,
    idempotencyKey: flags.idempotencyKey,
    signal,
    onProgress: snapshotTalk((line) => terminal.say(line)),
  });
  for (const warning of submitted.warnings) terminal.say(`warning: ${warning}`);
  const { fleet, isNew } = submitted;
  if (!isNew) terminal.say(`fleet ${fleet.id} was started before with this idempotency key`);
  else
    terminal.say(
      `fleet ${fleet.id}: ${plural(fleet.count, 'subagent')}${budgetText(plan)}${access.isSimulated ? ', simulated' : ''}`,
    );
  return submitted;
}

const budgetText = ({ maxBudgetMicroUsd }: FleetPlan): string =>
  maxBudgetMicroUsd === null ? '' : `, budget $${maxBudgetMicroUsd / MICRO_USD}`;

/** Says how far it is when many directories are taken, every two seconds. */
function snapshotTalk(say: (line: string) => void): (done: number, total: number) => void {
  let saidAtMs = Date.now();
  return (done, total) => {
    if (Date.now() - saidAtMs < 2_000) return;
    saidAtMs = Date.now();
    say(`snapshots: ${done} of ${total} directories`);
  };
}
