import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord, Result } from '../../workflows/contract/task.schema.ts';
import { hasEnded } from '../fleet-client/standing.ts';
import { EXIT, endedCode, pausedCode } from './exit-codes.ts';
import { fleetJson, fleetObject, sumUsage } from './fleet-object.ts';
import type { Interrupts } from './interrupts.ts';
import type { OutputFormat } from './output-format.ts';
import { TalkView } from './progress/talk-view.ts';
import type { Session } from './session.ts';
import { StreamEvents } from './stream-events.ts';
import { summaryText } from './summary-text.ts';
import { Tally } from './tally.ts';

export interface FollowOptions {
  format: OutputFormat;
  /** `--wait`: leave the fleet to itself then. */
  untilMs?: number | undefined;
  interrupts: Interrupts;
}

/** A paused fleet has this long to give back what is in flight before it is reported. */
const SETTLE_MS = 5_000;

/**
 * Stays with a fleet until it has ended, needs a person, or the command's time is up; talks on stderr, prints what the
 * format asks for on stdout and resolves with the exit code. Brings server and worker back when they go away.
 */
export async function follow(session: Session, fleet: FleetRecord, options: FollowOptions): Promise<number> {
  const { terminal } = session;
  const tally = new Tally();
  const events = options.format === 'stream-json' ? new StreamEvents(fleet, terminal.data) : undefined;
  events?.begin();
  const left = await accompany(session, fleet, options, tally, events);
  let { status } = left;
  const { reason } = options.interrupts;
  if (reason !== undefined && !(status && hasEnded(status))) {
    if (!(await leave(session, fleet, options.interrupts)))
      return reason === 'terminated' ? EXIT.terminated : EXIT.interrupted;
    for await (const change of session.client.watch(fleet, { cursor: left.cursor })) {
      tally.add(change);
      events?.apply(change);
      if (change.kind === 'status') status = change.status;
    }
  }
  return report(session, fleet, status!, options.format, tally, events);
}

/** The last status seen, undefined when interrupted before there was one; and from where another watch goes on. */
async function accompany(
  { client, terminal }: Session,
  fleet: FleetRecord,
  { untilMs, interrupts, format }: FollowOptions,
  tally: Tally,
  events: StreamEvents | undefined,
): Promise<{ status: FleetStatus | undefined; cursor: string }> {
  using view = new TalkView(terminal);
  const patience = untilMs === undefined ? undefined : AbortSignal.timeout(Math.max(0, untilMs - Date.now()));
  const signal = AbortSignal.any([interrupts.signal, ...(patience ? [patience] : [])]);
  const watch = client.watch(fleet, { signal, tellsStarts: format === 'stream-json' || terminal.hasScreen });
  let status: FleetStatus | undefined;
  let pausedAtMs: number | undefined;
  try {
    for await (const change of watch) {
      tally.add(change);
      events?.apply(change);
      view.apply(change);
      if (change.kind !== 'status') continue;
      status = change.status;
      pausedAtMs = pausedCode(status) === undefined ? undefined : (pausedAtMs ?? Date.now());
      if (pausedAtMs !== undefined && (status.running === 0 || Date.now() - pausedAtMs > SETTLE_MS)) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (!interrupts.signal.aborted) status ??= await client.status(fleet.id);
  return { status, cursor: watch.cursor };
}

/** After Ctrl-C or SIGTERM: the fleet goes on, unless a second Ctrl-C cancels it; whether it did, or came too late to. */
async function leave({ client, terminal }: Session, { id }: FleetRecord, interrupts: Interrupts): Promise<boolean> {
  terminal.say(`fleet goes on: \`muster watch ${id}\`, \`muster cancel ${id}\``);
  if (interrupts.reason === 'terminated') return false;
  if (terminal.isInteractive) terminal.say('Ctrl-C again within 3 s cancels it');
  if (!(await interrupts.isRepeated())) return false;
  terminal.say(`cancelling ${id} …`);
  await client.cancel(id).catch(async (error: unknown) => {
    if (!hasEnded(await client.status(id))) throw error; // it had come to its own end
  });
  return true;
}

async function report(
  session: Session,
  fleet: FleetRecord,
  status: FleetStatus,
  format: OutputFormat,
  tally: Tally,
  events: StreamEvents | undefined,
): Promise<number> {
  const { client, terminal } = session;
  const { simulated: isSimulated } = fleet;
  if (format === 'json') {
    const results: Result[] = [];
    for await (const { result } of client.results(fleet.id)) results.push(result);
    const head = fleetObject(status, sumUsage(results), isSimulated);
    for (const piece of fleetJson(head, results)) terminal.data(piece);
  } else if (events) {
    if (hasEnded(status)) events.end(status, tally);
  } else terminal.data(summaryText(status, tally, { isSimulated, paint: terminal.paint }));
  if (hasEnded(status)) return endedCode(status, tally.notEligible);
  return pausedCode(status) ?? EXIT.stillRunning;
}
