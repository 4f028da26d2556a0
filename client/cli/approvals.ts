import type { Approval } from '../../workflows/contract/units.ts';
import type { OpenFleet } from '../library/open-fleet.ts';
import { oneLine } from './figures.ts';
import type { PlainFormat } from './output-format.ts';
import { withSession } from './session.ts';
import { sayStanding } from './steering.ts';
import { askOneOf, type Terminal } from './terminal.ts';

/** `muster approve` and `reject`: says what is decided about, and decides about just that. */
export async function decideFleet(
  id: string,
  decision: 'approve' | 'reject',
  { hash, outputFormat }: { hash?: string; outputFormat: PlainFormat },
): Promise<void> {
  await withSession({}, async (session) => {
    const fleet = await session.muster.fleet(id);
    const asked = await fleet.asked(hash);
    session.terminal.say(askedText(asked));
    await (decision === 'approve' ? fleet.approve(asked.hash) : fleet.reject(asked.hash));
    await sayStanding(session, fleet, outputFormat);
  });
}

/** On a terminal: asks about one open approval; whether it was decided. What changed meanwhile is shown anew. */
export async function askToDecide(terminal: Terminal, fleet: OpenFleet): Promise<boolean> {
  const asked = await fleet.asked();
  terminal.say(askedText(asked));
  const answer = await askOneOf('Go on?', ['approve', 'reject', 'later']);
  if (answer === 'later') return false;
  const decided = answer === 'approve' ? fleet.approve(asked.hash) : fleet.reject(asked.hash);
  await decided.catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'changed')) throw error;
    terminal.say(error.message);
  });
  return true;
}

function askedText({ kind, title, why = [] }: Approval): string {
  const head = kind === 'gate' ? `gate: ${oneLine(title)}` : `the script asks: ${oneLine(title)}`;
  return [head, ...why.map((reason) => `  ${oneLine(reason)}`)].join('\n');
}
