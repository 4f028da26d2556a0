import { endDaemons, listDaemons, listOpenFleets } from '../local/down.ts';
import type { Config } from '../config.ts';
import { isServing } from '../local/daemon.ts';
import { openStack, withHomeLock } from '../local/open-stack.ts';
import { listWorkers } from '../local/worker.ts';

/** The daemons of a home as they were when the demo came, so that it ends what it brought up and nothing else. */
export class DaemonsBefore {
  readonly #home: string;
  readonly #pids: ReadonlySet<number>;
  /** Names of workers that served, and whether by hand. */
  readonly #workers: ReadonlyMap<string, boolean>;

  constructor(home: string) {
    this.#home = home;
    this.#pids = new Set(this.#alive());
    this.#workers = new Map(servingWorkers(home));
  }

  /** Whether any runs now that did not then. */
  get hasNew(): boolean {
    return this.#alive().some((pid) => !this.#pids.has(pid));
  }

  /**
   * Ends what came since and resolves with how many that were; undefined when somebody else's fleet is under way on
   * them: then they stay, and end by themselves when they are idle. Safe to call twice.
   */
  async endNew(say: (line: string) => void, ownFleet: string | undefined): Promise<number | undefined> {
    if (!this.hasNew) return 0;
    const others = (await listOpenFleets(this.#home))?.filter((id) => id !== ownFleet) ?? [];
    if (others.length > 0) {
      say(`server and worker go on for ${others.join(', ')}; \`npx muster down\` ends them`);
      return undefined;
    }
    const isNew = ({ state }: { state: { pid: number } }): boolean => !this.#pids.has(state.pid);
    return (await withHomeLock(this.#home, say, () => endDaemons(this.#home, isNew))).length;
  }

  /**
   * Brings back a worker that had to make room: the demo's sandbox shows more than the operator says, and one worker serves
   * one configuration.
   */
  async putBack(config: Config, say: (line: string) => void): Promise<void> {
    const serving = new Map(servingWorkers(this.#home));
    const [gone] = [...this.#workers].filter(([name]) => !serving.has(name));
    // What a person ended meanwhile stays ended.
    const hasServer = config.temporal !== undefined || this.#alive().some((pid) => this.#pids.has(pid));
    if (!gone || !config.claude || !hasServer) return;
    await using stack = await openStack(config, { onProgress: say, isKept: gone[1] });
    await stack.ensureWorker(config.claude);
  }

  #alive(): number[] {
    return listDaemons(this.#home)
      .filter(({ isAlive }) => isAlive)
      .map(({ state }) => state.pid);
  }
}

const servingWorkers = (home: string): [name: string, isKept: boolean][] =>
  listWorkers(home)
    .filter(({ state }) => isServing(state))
    .map(({ name, state }) => [name, state.isKept === true]);
