import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetClient } from '../fleet-client/fleet-client.ts';
import { money, oneLine } from './figures.ts';
import { statusObject } from './fleet-object.ts';
import type { PlainFormat } from './output-format.ts';
import { withSession, type Session } from './session.ts';

/** Runs one steering call and says how the fleet stands after it took effect. */
export async function steer(format: PlainFormat, act: (client: FleetClient) => Promise<FleetStatus>): Promise<void> {
  await withSession({}, async (session) => sayStanding(session, await act(session.client), format));
}

/** `stop` and `skip`: those that had ended before keep their end, which is said. */
export async function endSome(
  format: PlainFormat,
  id: string,
  labels: readonly string[],
  act: (client: FleetClient) => Promise<FleetStatus>,
): Promise<void> {
  await withSession({}, async (session) => {
    const { client, terminal } = session;
    const fleet = await client.find(id);
    const indexes = await client.indexes(fleet, labels);
    const before = await client.standing(fleet);
    const status = await act(client);
    for (const { label, result } of await client.reader(fleet, before).some(indexes))
      terminal.say(`${oneLine(label)} had ended already: ${result.status}`);
    await sayStanding(session, status, format);
  });
}

export async function sayStanding(
  { client, terminal }: Session,
  status: FleetStatus,
  format: PlainFormat,
): Promise<void> {
  if (format === 'text') return terminal.say(standingLine(status));
  const { simulated: isSimulated, source } = await client.find(status.id);
  terminal.data(`${JSON.stringify(statusObject(status, { isSimulated, source }))}\n`);
}

function standingLine(status: FleetStatus): string {
  const { id, state, reason, count, census, concurrency, running, budgetMicroUsd, spentMicroUsd } = status;
  const ended = Object.values(census).reduce((sum, n) => sum + n, 0);
  const budget = budgetMicroUsd === null ? '' : ` of ${money(budgetMicroUsd)}`;
  const stands = `${ended}/${count} ended, ${running} running of at most ${concurrency}, ${money(spentMicroUsd)}${budget}`;
  return `${id} ${reason ? `${state} (${reason})` : state}: ${stands}`;
}
