import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import { Cluster, type TaskOf } from '../support/cluster.ts';

/** A file system of a few megabytes, which really fills up. */
class SmallDisk {
  readonly directory: string;
  private readonly ballast: string;

  constructor(directory: string, mebibytes: number) {
    this.directory = directory;
    this.ballast = join(directory, 'ballast');
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes.toString()}m`, 'tmpfs', directory]);
  }

  /** Takes every free byte. */
  fill(): void {
    const file = openSync(this.ballast, 'a');
    try {
      for (const size of [65_536, 4_096, 1]) {
        try {
          for (;;) writeSync(file, Buffer.alloc(size, 1));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.ballast);
  }
}

/** References of all blobs of a store that do not hold what their name says, and records that are not whole. */
function damagedIn(store: string): string[] {
  const files = (part: string): string[] =>
    readdirSync(join(store, part), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const blobs = files('blobs').filter((path) => {
    const [folder, rest] = path.split('/').slice(-2);
    return createHash('sha256').update(readFileSync(path)).digest('hex') !== `${folder}${rest}`;
  });
  // A value is named by a token beside it; one that no token names is the rest of a write that failed.
  const named = new Set(files('records').flatMap((path) => /@\d+(~[^/]+)$/.exec(path)?.[1] ?? []));
  const records = files('records').filter((path) => {
    if (!named.has(path.split('/').at(-1)!)) return false;
    try {
      return !JSON.parse(readFileSync(path, 'utf8'));
    } catch {
      return true;
    }
  });
  return [...blobs, ...records];
}

let cluster: Cluster | undefined;
let directory: string | undefined;
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]();
  if (directory !== undefined) {
    execFileSync('umount', [directory]);
    await rm(directory, { recursive: true, force: true });
  }
  cluster = directory = undefined;
});

const TURNS = 12;
const agents = (count: number): TaskOf[] =>
  Array.from({ length: count }, (_, i) => ({
    prompt: `[[simulate turns=${TURNS} latency=300ms write=w${i}.txt content="${'x'.repeat(3_000)}"]] Write ${i}`,
    permissions: { allow: ['Read', 'Edit(**)'], deny: [], mode: 'dontAsk' },
  }));

async function startOnSmallDisk(): Promise<SmallDisk> {
  directory = await mkdtemp(join(tmpdir(), 'muster-disk-'));
  const disk = new SmallDisk(directory, 8);
  cluster = await Cluster.start({ artifacts: join(directory, 'artifacts') });
  return disk;
}

/**
 * Paused, and nobody calls Claude any more. Who was wanted back between two attempts counts as running until it is
 * settled, which takes a write.
 */
async function untilStill(fleet: { id: string }): Promise<FleetStatus> {
  await cluster!.until(fleet, ({ state, parked }) => state === 'paused' && parked > 0);
  for (let calls = -1; calls !== cluster!.claude.stats().calls || cluster!.claude.stats().inFlight > 0;) {
    ({ calls } = cluster!.claude.stats());
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
  return cluster!.fleets.status(fleet.id);
}

describe.skipIf(process.getuid?.() !== 0)(
  'a disk that fills while a fleet runs (needs root, for a file system of its own)',
  () => {
    it('pauses the fleet as disk_full and fails nobody; with space again it goes on by itself and completes', async () => {
      const disk = await startOnSmallDisk();
      const fleet = await cluster!.submit(agents(20), { maxConcurrentAgents: 10 });
      await cluster!.until(fleet, ({ running }) => running === 10);
      await expect.poll(() => cluster!.claude.stats().answered, { timeout: 20_000 }).toBeGreaterThan(20);
      disk.fill();
      const full = await untilStill(fleet);
      expect(full).toMatchObject({ reason: 'disk_full', census: { failed: 0, timed_out: 0, stopped: 0 } });
      expect(full.parked + full.running + full.queued + full.census.completed).toBe(20);
      expect(damagedIn(cluster!.store.directory)).toEqual([]);

      disk.free();
      const ended = await cluster!.until(fleet, ({ state }) => state === 'completed');
      expect(ended.census).toMatchObject({ completed: 20 });
      const results = await cluster!.results(fleet);
      expect(results).toHaveLength(20);
      for (const { label, num_turns, changes } of results) {
        expect({ label, num_turns, files: changes?.files.length }).toEqual({ label, num_turns: TURNS, files: 1 });
      }
      expect(damagedIn(cluster!.store.directory)).toEqual([]);
      // What was answered and could not be written down is asked again, and counted as rework: one turn of each at most.
      const turns = Map.groupBy(await cluster!.journal(), ({ agent, turn }) => `${agent}/${turn.toString()}`);
      expect(turns.size).toBe(20 * TURNS);
      const repeated = [...turns].filter(([, calls]) => calls.length > 1);
      expect(repeated.every(([, calls]) => calls.length === 2)).toBe(true);
      expect(new Set(repeated.map(([turn]) => turn.split('/')[0])).size).toBe(repeated.length);
      const spent = results.reduce((sum, { total_cost_usd }) => sum + total_cost_usd, 0);
      expect(ended.spentMicroUsd / 1e6).toBeCloseTo(spent, 6);
    });

    it('can be cancelled while it is full: partial results are committed as soon as there is space', async () => {
      const disk = await startOnSmallDisk();
      const fleet = await cluster!.submit(agents(8), { maxConcurrentAgents: 4 });
      await expect.poll(() => cluster!.claude.stats().answered, { timeout: 20_000 }).toBeGreaterThan(8);
      disk.fill();
      const full = await untilStill(fleet);
      const cancelling = cluster!.fleets.cancel(fleet.id);
      await cluster!.until(fleet, ({ queued }) => queued === 0);
      disk.free();
      const { state, census } = await cancelling;
      expect({ state, census }).toMatchObject({
        state: 'cancelled',
        census: {
          stopped: full.parked + full.running,
          not_attempted: full.queued,
          completed: full.census.completed,
          failed: 0,
        },
      });
      const stopped = (await cluster!.results(fleet)).filter(({ status }) => status === 'stopped');
      expect(stopped.filter(({ partial, num_turns }) => partial === true && num_turns > 0).length).toBeGreaterThan(3);
      expect(damagedIn(cluster!.store.directory)).toEqual([]);
    });
  },
);
