import { readdirSync, readFileSync } from 'node:fs';

/** Pids, anywhere on this host, whose command line is exactly this. */
export function processesOf(...command: string[]): number[] {
  const wanted = `${command.join('\0')}\0`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && commandLineOf(name) === wanted)
    .map(Number);
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}

/** A duration for `sleep` that no other process of this host sleeps: its processes can be found by it. */
export const ownSleep = (): string => `${Math.floor(1e6 + Math.random() * 9e6).toString()}.${process.pid.toString()}`;

/** Looks again and again until it holds; throws after `ms`. */
export async function within(ms: number, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms.toString()} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
