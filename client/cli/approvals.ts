import type { Approval } from '../../workflows/contract/units.ts';
import type { OpenFleet } from '../library/open-fleet.ts';
import { oneLine } from './figures.ts';
import type { PlainFormat } from './output-format.ts';
import type { Paint } from './paint.ts';
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
    session.terminal.say(await askedText(fleet, asked, session.terminal.talkPaint));
    await (decision === 'approve' ? fleet.approve(asked.hash) : fleet.reject(asked.hash));
    await sayStanding(session, fleet, outputFormat);
  });
}

/** On a terminal: asks about one open approval; whether it was decided. What changed meanwhile is shown anew. */
export async function askToDecide(terminal: Terminal, fleet: OpenFleet): Promise<boolean> {
  const asked = await askedNow(fleet);
  if (!asked) return true;
  terminal.say(await askedText(fleet, asked, terminal.talkPaint));
  const answer = await askOneOf('Go on?', ['approve', 'reject', 'later']);
  if (answer === 'later') return false;
  const decided = answer === 'approve' ? fleet.approve(asked.hash) : fleet.reject(asked.hash);
  await decided.catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'changed')) throw error;
    terminal.say(error.message);
  });
  return true;
}

/** For whoever reads the log of a command that nobody can answer. */
export async function sayAsked(terminal: Terminal, fleet: OpenFleet): Promise<void> {
  const asked = await askedNow(fleet);
  if (asked) terminal.say(await askedText(fleet, asked, terminal.talkPaint));
}

/** Undefined: it was decided just now, elsewhere. */
function askedNow(fleet: OpenFleet): Promise<Approval | undefined> {
  return fleet.asked().catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'not_asked') return undefined;
    throw error;
  });
}

/** What is decided about, for people: a gate with the figures it was judged by. */
export async function askedText(fleet: OpenFleet, asked: Approval, paint: Paint): Promise<string> {
  const report = await fleet.report(asked);
  if (report) {
    const { gateText } = await import('./gate-text.ts');
    return gateText(report, paint);
  }
  const { title, why = [] } = asked;
  return [`the script asks: ${paint.bold(oneLine(title))}`, ...why.map((reason) => `  ${oneLine(reason)}`)].join('\n');
}
