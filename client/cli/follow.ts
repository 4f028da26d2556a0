import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import { Standstill, hasEnded } from '../fleet-client/standing.ts';
import type { Ci } from '../config.ts';
import type { FleetWatch } from '../fleet-client/watch.ts';
import type { OpenFleet } from '../library/open-fleet.ts';
import type { ParentEnd } from '../library/outcome.ts';
import { defused } from './ci/workflow-commands.ts';
import { EXIT, endedCode, pausedCode } from './exit-codes.ts';
import { fleetJson, fleetObject, sumUsage } from './fleet-object.ts';
import type { Interrupts } from './interrupts.ts';
import type { OutputFormat } from './output-format.ts';
import { TalkView } from './progress/talk-view.ts';
import { StreamEvents } from './stream-events.ts';
import { summaryText } from './summary-text.ts';
import { Tally } from './tally.ts';
import type { Terminal } from './terminal.ts';

export interface FollowOptions {
  format: OutputFormat;
  /** `--wait`: leave the fleet to itself then. */
  untilMs?: number | undefined;
  /** Of an earlier stream: what that one told is not told again. */
  cursor?: string | undefined;
  interrupts: Interrupts;
  ci: Ci;
}

/**
 * Stays with a fleet until it has ended, needs a person who is not at this terminal, or the command's time is up; talks
 * on stderr, prints what the format asks for on stdout and resolves with the exit code. Brings server and worker back
 * when they go away.
 */
export async function follow(terminal: Terminal, fleet: OpenFleet, options: FollowOptions): Promise<number> {
  const follower = new Follower(terminal, fleet, options);
  const { interrupts } = options;
  for (;;) {
    await follower.accompany();
    const { status } = follower;
    if (interrupts.reason !== undefined && !(status && hasEnded(status))) {
      if (await leave(terminal, fleet, interrupts)) return follower.toTheEnd();
      return interrupts.reason === 'terminated' ? EXIT.terminated : EXIT.interrupted;
    }
    if (status?.reason !== 'approval' || follower.isOutOfTime) return follower.report();
    const { askToDecide, sayAsked } = await import('./approvals.ts');
    if (terminal.isInteractive && (await askToDecide(terminal, fleet))) continue;
    if (!terminal.isInteractive) await sayAsked(terminal, fleet);
    return follower.report();
  }
}

/** One command's way along with a fleet, over as many watches as it takes. */
class Follower {
  readonly #terminal: Terminal;
  readonly #fleet: OpenFleet;
  readonly #options: FollowOptions;
  readonly #tally = new Tally();
  readonly #patience: AbortSignal | undefined;
  #watch: FleetWatch;
  #events: StreamEvents | undefined;
  /** The last one seen; undefined when interrupted before there was one. */
  status: FleetStatus | undefined;

  constructor(terminal: Terminal, fleet: OpenFleet, options: FollowOptions) {
    this.#terminal = terminal;
    this.#fleet = fleet;
    this.#options = options;
    const { untilMs, cursor } = options;
    this.#patience = untilMs === undefined ? undefined : AbortSignal.timeout(Math.max(0, untilMs - Date.now()));
    this.#watch = this.#look(cursor);
    if (options.format === 'stream-json') {
      this.#events = new StreamEvents(fleet.record, this.#watch, terminal.data);
      this.#events.begin();
    }
  }

  get isOutOfTime(): boolean {
    return this.#patience?.aborted === true;
  }

  #look(cursor: string | undefined, isPatient = false): FleetWatch {
    const { interrupts, format } = this.#options;
    const signal = AbortSignal.any([interrupts.signal, ...(this.#patience ? [this.#patience] : [])]);
    const { hasScreen: tellsPhases } = this.#terminal;
    const tellsStarts = format === 'stream-json' || tellsPhases;
    return this.#fleet.watch({ cursor, tellsStarts, tellsPhases, ...(!isPatient && { signal }) });
  }

  async accompany(): Promise<void> {
    const { interrupts } = this.#options;
    try {
      await this.#along();
    } catch (error) {
      if (!interrupts.signal.aborted && !this.isOutOfTime) throw error;
    }
    if (!interrupts.signal.aborted) this.status ??= (await this.#fleet.end()).status;
    this.#goOn(this.#look(this.#watch.cursor));
  }

  /** Whoever cancelled it waits for the end, whatever was said about time. */
  async toTheEnd(): Promise<number> {
    this.#goOn(this.#look(this.#watch.cursor, true));
    await this.#along();
    return this.report();
  }

  /** Until it has ended, or stands still until a person acts. */
  async #along(): Promise<void> {
    using view = await TalkView.open(this.#terminal);
    const standstill = new Standstill();
    for await (const change of this.#watch) {
      this.#tally.add(change);
      this.#events?.apply(change);
      view.apply(change);
      if (change.kind !== 'status') continue;
      this.status = change.status;
      if (standstill.isReached(change.status)) break;
    }
  }

  #goOn(watch: FleetWatch): void {
    this.#watch = watch;
    this.#events?.follow(watch);
  }

  async report(): Promise<number> {
    const status = this.status!;
    const left = hasEnded(status) ? await this.#fleet.end() : {};
    const results = await this.#results();
    if (this.#options.format === 'json') this.#print(status, left, results);
    else if (this.#events) {
      if (hasEnded(status)) this.#events.end(status, this.#tally, left);
    } else {
      const { simulated: isSimulated } = this.#fleet.record;
      const text = summaryText(status, this.#tally, { isSimulated, paint: this.#terminal.paint, left });
      this.#terminal.data(this.#options.ci.obeysLines ? defused(text) : text);
    }
    await this.#summarize(status);
    if (hasEnded(status)) return endedCode(status, this.#tally.notEligible);
    return pausedCode(status) ?? EXIT.stillRunning;
  }

  /** For the page of the CI job, where there is one. */
  async #summarize(status: FleetStatus): Promise<void> {
    const { stepSummary: file } = this.#options.ci;
    if (file === undefined) return;
    const { addToSummary, stepSummary } = await import('./ci/step-summary.ts');
    const trouble = addToSummary(file, stepSummary(status, this.#tally, this.#fleet.record.simulated));
    if (trouble !== undefined) this.#terminal.say(trouble);
  }

  /** All, for whoever prints them or has not been told of all. */
  async #results(): Promise<Result[]> {
    const { format, cursor } = this.#options;
    const results: Result[] = [];
    if (format !== 'json' && cursor === undefined) return results;
    for await (const { index, result } of this.#fleet.ended()) {
      if (format === 'json') results.push(result);
      this.#tally.count(index, result);
    }
    return results;
  }

  #print(status: FleetStatus, left: ParentEnd, results: readonly Result[]): void {
    const head = fleetObject(status, sumUsage(results), this.#fleet.record.simulated, left);
    for (const piece of fleetJson(head, results)) this.#terminal.data(piece);
  }
}

/** After Ctrl-C or SIGTERM: the fleet goes on, unless a second Ctrl-C cancels it; whether it did, or came too late to. */
async function leave(terminal: Terminal, fleet: OpenFleet, interrupts: Interrupts): Promise<boolean> {
  const { id } = fleet;
  terminal.say(`fleet goes on: \`muster watch ${id}\`, \`muster cancel ${id}\``);
  if (interrupts.reason === 'terminated') return false;
  if (terminal.isInteractive) terminal.say('Ctrl-C again within 3 s cancels it');
  if (!(await interrupts.isRepeated())) return false;
  terminal.say(`cancelling ${id} …`);
  await fleet.cancel().catch(async (error: unknown) => {
    if (!hasEnded((await fleet.end()).status)) throw error; // it had come to its own end
  });
  return true;
}
