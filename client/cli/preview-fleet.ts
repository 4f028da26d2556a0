import { whatTheyTook } from '../../activities/observe/what-targets-took.ts';
import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { Forecast } from '../../workflows/contract/rollout.schema.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import { forecast } from '../../workflows/policy/forecast.ts';
import { hasEnded } from '../fleet-client/standing.ts';
import type { Muster } from '../library/muster.ts';
import type { OpenFleet } from '../library/open-fleet.ts';
import type { PreviewFlags } from './commands/preview.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { fleetJson, fleetObject, sumUsage } from './fleet-object.ts';
import { follow } from './follow.ts';
import { Interrupts } from './interrupts.ts';
import { planOptions, reuseOf, sourceOf } from './load-plan.ts';
import { previewText, type Preview } from './preview-text.ts';
import { NobodyEligible, ScoutReview } from './scout-review.ts';
import { openMuster, openSettings } from './session.ts';
import type { Terminal } from './terminal.ts';

/** The whole of `muster preview`; resolves with the exit code. Throws as `runFleet` does. */
export async function previewFleet(file: string, flags: PreviewFlags): Promise<number> {
  const reuse = reuseOf(flags);
  const { simulate, quiet, input } = flags;
  const settings = openSettings({ simulate, quiet, input });
  const { terminal } = settings;
  using interrupts = new Interrupts();
  await using muster = openMuster(settings);
  const reviewer = new ScoutReview(file, flags, settings, interrupts.signal);
  let fleet: OpenFleet | undefined;
  try {
    fleet = await muster.start(sourceOf(file, flags), {
      ...planOptions(flags),
      reuse,
      signal: interrupts.signal,
      review: (plan) => reviewer.review(plan),
    });
    terminal.say(`fleet ${fleet.id}: ${reviewer.said}`);
    // The summary of a run would hide what the scouts found: the same way along, another end.
    const code = await follow({ ...terminal, data: () => undefined }, fleet, {
      format: 'text',
      interrupts,
      ci: settings.config.ci,
    });
    if (code === EXIT.interrupted || code === EXIT.terminated) return code;
    await report(terminal, muster, fleet, { file, flags, reviewer });
    return code;
  } catch (error) {
    if (error instanceof NobodyEligible) {
      terminal.say(error.message);
      const targets = { eligible: 0, scouts: 0, remaining: 0 };
      if (flags.outputFormat === 'json') terminal.data(`${JSON.stringify({ targets, forecast: null, results: [] })}\n`);
      return EXIT.done;
    }
    if (fleet || interrupts.reason === undefined || error instanceof CommandFailure) throw error;
    terminal.say('nothing was started');
    return interrupts.reason === 'terminated' ? EXIT.terminated : EXIT.interrupted;
  }
}

async function report(
  terminal: Terminal,
  muster: Muster,
  fleet: OpenFleet,
  of: { file: string; flags: PreviewFlags; reviewer: ScoutReview },
): Promise<void> {
  const { file, flags, reviewer } = of;
  const { client, stack } = await muster.ground();
  const { status } = await fleet.end();
  const results: Result[] = [];
  for await (const { result } of fleet.ended()) results.push(result);
  const scouts = results.filter(({ parent }) => parent === undefined);
  const took = await whatTheyTook(client.records, scouts);
  const remaining = reviewer.eligible - scouts.filter(({ status: end }) => end === 'completed').length;
  const whole = reviewer.whole!;
  const outlook = forecast({
    tried: took,
    remaining,
    concurrency: whole.maxConcurrentAgents,
    spentMicroUsd: took.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0),
    longestMs: whole.tasks.reduce((most, { timeoutMs }) => Math.max(most, timeoutMs), 0),
  });
  const preview: Preview = { file, flags, whole, eligible: reviewer.eligible, remaining, forecast: outlook };
  if (flags.outputFormat === 'text') {
    const patchOf = async (ref: string): Promise<string> => Buffer.from(await stack.store.get(ref)).toString();
    const id = fleet.id;
    terminal.data(await previewText({ id, isOpen: !hasEnded(status), results, patchOf }, preview, terminal.paint));
    return;
  }
  const head = {
    ...fleetObject(status, sumUsage(results), fleet.record.simulated),
    targets: { eligible: reviewer.eligible, scouts: scouts.length, remaining },
    forecast: outlook ? forecastObject(outlook) : null,
  };
  for (const piece of fleetJson(head, results)) terminal.data(piece);
}

/** In dollars and snake_case, as everything people's programs read. */
function forecastObject({ basis, isThin, costMicroUsd, timeMs }: Forecast): object {
  const usd = Object.fromEntries(Object.entries(costMicroUsd).map(([key, amount]) => [key, amount / MICRO_USD]));
  return { basis, thin: isThin, total_cost_usd: usd, remaining_ms: timeMs };
}
