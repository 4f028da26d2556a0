import { endDaemons, listDaemons, listOpenFleets } from '../local/down.ts';
import { withHomeLock } from '../local/open-stack.ts';

/** The daemons of a home as they were when the demo came, so that it ends what it brought up and nothing else. */
export class DaemonsBefore {
  readonly #home: string;
  readonly #pids: ReadonlySet<number>;

  constructor(home: string) {
    this.#home = home;
    this.#pids = new Set(this.#alive());
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

  #alive(): number[] {
    return listDaemons(this.#home)
      .filter(({ isAlive }) => isAlive)
      .map(({ state }) => state.pid);
  }
}
