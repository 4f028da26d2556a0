import type { OutputFormat } from './output-format.ts';
import { follow } from './follow.ts';
import { Interrupts } from './interrupts.ts';
import { withSession } from './session.ts';

/** The whole of `muster watch`; resolves with the exit code. */
export async function watchFleet(
  id: string,
  { format, untilMs, quiet }: { format: OutputFormat; untilMs: number | undefined; quiet: boolean | undefined },
): Promise<number> {
  using interrupts = new Interrupts();
  return await withSession({ quiet }, async (session) => {
    const fleet = await session.client.find(id);
    return follow(session, fleet, { format, untilMs, interrupts });
  });
}
