import { readdir } from 'node:fs/promises';

const EVERY_MS = 100;

/** One shell whose processes are counted. */
export interface Counted {
  /** First process of its pid namespace. */
  firstPid: number;
  end(): void;
}

/**
 * Ends shells with too many processes where nothing else does: the kernel exempts root from RLIMIT_NPROC, by whatever
 * name it goes in a sandbox, and a container may forbid control groups. One per worker.
 */
export class ProcessWatch {
  private readonly limit: number;
  private readonly entries = new Set<Counted>();
  private timer: NodeJS.Timeout | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Until the function it returns is called. */
  watch(entry: Counted): () => void {
    this.entries.add(entry);
    this.timer ??= setInterval(() => void this.look(), EVERY_MS).unref();
    return () => {
      this.entries.delete(entry);
      if (this.entries.size > 0) return;
      clearInterval(this.timer);
      this.timer = undefined;
    };
  }

  private async look(): Promise<void> {
    for (const entry of this.entries) {
      // The process table as the sandbox sees it.
      const names = await readdir(`/proc/${entry.firstPid.toString()}/root/proc`).catch(() => []);
      if (names.filter((name) => /^\d+$/.test(name)).length > this.limit) entry.end();
    }
  }
}
