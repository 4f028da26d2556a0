import { endedIn } from '../../workflows/contract/statuses.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { OpenFleet } from '../library/open-fleet.ts';
import { money, oneLine } from './figures.ts';
import { statusObject } from './fleet-object.ts';
import type { PlainFormat } from './output-format.ts';
import { withSession, type Session } from './session.ts';

/** Runs one steering call and says how the fleet stands after it took effect. */
export async function steer(
  format: PlainFormat,
  id: string,
  act: (fleet: OpenFleet) => Promise<unknown>,
): Promise<void> {
  await withSession({}, async (session) => {
    const fleet = await session.muster.fleet(id);
    await act(fleet);
    await sayStanding(session, fleet, format);
  });
}

/** `stop` and `skip`: those that had ended before keep their end, which is said. */
export async function endSome(
  format: PlainFormat,
  id: string,
  labels: readonly string[],
  act: (fleet: OpenFleet) => Promise<unknown>,
): Promise<void> {
  await withSession({}, async (session) => {
    const fleet = await session.muster.fleet(id);
    const before = await fleet.resultsOf(labels);
    await act(fleet);
    for (const { label, status } of before) session.terminal.say(`${oneLine(label)} had ended already: ${status}`);
    await sayStanding(session, fleet, format);
  });
}

export async function sayStanding({ client, terminal }: Session, fleet: OpenFleet, format: PlainFormat): Promise<void> {
  const status = await client.status(fleet.id);
  if (format === 'text') terminal.say(standingLine(status));
  else terminal.data(`${JSON.stringify(statusObject(status, fleet.record))}\n`);
}

function standingLine(status: FleetStatus): string {
  const { id, state, reason, count, census, concurrency, running, budgetMicroUsd, spentMicroUsd, wave } = status;
  const ended = endedIn(census);
  const budget = budgetMicroUsd === null ? '' : ` of ${money(budgetMicroUsd)}`;
  const stands = `${ended}/${count} ended, ${running} running of at most ${concurrency}, ${money(spentMicroUsd)}${budget}`;
  const waves = wave ? `, wave ${wave.open} of ${wave.of}` : '';
  return `${id} ${reason ? `${state} (${reason})` : state}${waves}: ${stands}`;
}
