import { readFileSync } from 'node:fs';
import { loadPrices } from '../../activities/claude/prices.ts';
import { CommandFailure } from '../cli/context.ts';
import { readConfig, requireClaude, type ClaudeAccess, type Config, type Environment } from '../config.ts';
import { FleetFailure } from '../fleet-client/failure.ts';
import type { FleetPlan } from '../spec/plan.ts';
import { fleetView } from './fleet-view.ts';
import type { Ground } from './ground.ts';
import type { FleetSource, FleetView, MusterApi, StartOptions } from './library.ts';
import type { OpenFleet } from './open-fleet.ts';
import { openReading, type Reading } from './reading.ts';

export interface MusterOptions {
  /** Paths of sources are relative to it, and the home is found from here; omitted: that of the process. */
  cwd?: string;
  /** Where state is kept; omitted: `MUSTER_HOME`, else the nearest `.muster`. */
  home?: string;
  /** Fleets are run with a simulated Claude: no credential, no cost. */
  simulate?: boolean;
  /** In place of the process's environment. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Reads what the file `-` is; omitted: there is no such file. */
  readStdin?: () => Promise<string>;
  /** Hears what a person would be told: that a server is brought up, warnings, how far snapshots are. */
  onTalk?: (line: string) => void;
}

/** The door for programs, and for the command line itself. Opening it starts nothing; closing it ends no fleet. */
export class Muster implements MusterApi {
  readonly config: Config;
  readonly cwd: string;
  readonly #onTalk: (line: string) => void;
  readonly #readStdin: (() => Promise<string>) | undefined;
  #opened: Promise<Ground> | undefined;
  /** Grounds that somebody took away by hand, and that fleets opened before may still hold. */
  readonly #left: Ground[] = [];

  /** For whoever has read the configuration already; others call `open`. */
  constructor(config: Config, options: Pick<MusterOptions, 'cwd' | 'onTalk' | 'readStdin'> = {}) {
    const { cwd = process.cwd(), onTalk, readStdin } = options;
    this.config = config;
    this.cwd = cwd;
    this.#readStdin = readStdin;
    this.#onTalk = onTalk ?? ((): void => undefined);
  }

  /** Reads the configuration. Rejects with an error that names what is wrong with it. */
  static async open(options: MusterOptions = {}): Promise<Muster> {
    const { cwd = process.cwd(), environment, home, simulate } = options;
    (await import('./options.ts')).checkOpen(options);
    const config = readConfig(environment as Environment | undefined, cwd, { home, simulate });
    if (config.prices !== undefined) readPrices(config.prices);
    return new Muster(config, { ...options, cwd });
  }

  async start(source: FleetSource, options: StartOptions = {}): Promise<OpenFleet> {
    const { onTalk = this.#onTalk, review = (plan) => plan } = options;
    const plan = await this.plan(source, options);
    for (const warning of plan.warnings) onTalk(`warning: ${warning}`);
    const reviewed = await review(plan);
    const access = credential(this.config);
    const [{ launch }, { OpenFleet }, { traced }] = await Promise.all([
      import('./launch.ts'),
      import('./open-fleet.ts'),
      import('../tracing.ts'),
    ]);
    const ground = await this.ground();
    const { config } = this;
    const { fleet, isNew } = await traced(config.environment, 'muster start', async (span) => {
      const started = await launch(reviewed, ground, { ...options, access, config, onTalk });
      span?.set({ 'workflow.run_id': started.fleet.id });
      return started;
    });
    return new OpenFleet(ground, fleet, isNew);
  }

  /** What a source comes to. Starts, writes and spends nothing; throws `InvalidFleet`. */
  async plan(source: FleetSource, options: StartOptions = {}): Promise<FleetPlan> {
    const [{ planOf }, { checkStart }] = await Promise.all([import('../spec/plan-of.ts'), import('./options.ts')]);
    checkStart(source, options);
    const { cwd, config } = this;
    return planOf(source, { ...options, cwd, config, ...(this.#readStdin && { readStdin: this.#readStdin }) });
  }

  async fleet(id: string): Promise<OpenFleet> {
    const [{ OpenFleet }, ground] = await Promise.all([import('./open-fleet.ts'), this.ground()]);
    return new OpenFleet(ground, await ground.client.find(id));
  }

  /** A fleet of which nothing can be told at the moment is left out. */
  async *list(): AsyncGenerator<FleetView> {
    const { fleets } = await this.reading();
    for await (const { fleet, status } of fleets.list()) if (status) yield fleetView(status, fleet);
  }

  /** For the rooms of muster itself: what reading takes, which is little. */
  reading(): Promise<Reading> {
    return openReading(this.config, async (fleet, signal) => {
      return (await this.ground()).client.standing(fleet, signal);
    });
  }

  /** For the rooms of muster itself: what steering takes. Opened once, however many ask; anew when somebody took it away. */
  ground(): Promise<Ground> {
    const before = this.#opened?.catch(() => undefined) ?? Promise.resolve(undefined);
    this.#opened = before.then((opened) => (opened?.isStanding() ? opened : this.#open(opened)));
    return this.#opened;
  }

  async #open(before: Ground | undefined): Promise<Ground> {
    if (before) this.#left.push(before);
    const { openGround } = await import('./ground.ts');
    return openGround(this.config, this.#onTalk);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    for (const { stack } of [...this.#left, ...(opened ? [opened] : [])]) await stack[Symbol.asyncDispose]();
  }
}

/** Rejects with `no_credential` before anything is started. */
function credential(config: Config): ClaudeAccess {
  try {
    return requireClaude(config);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    throw new FleetFailure('no_credential', error.message, error.hint, error);
  }
}

/** The worker reads the same file: what is accepted here has a price there. */
export function readPrices(path: string): void {
  try {
    loadPrices(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(2, `the price file ${path} is not usable: ${why}`, 'mend it, or unset MUSTER_PRICES');
  }
}
