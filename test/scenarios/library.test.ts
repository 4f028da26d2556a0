import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Muster, type Fleet, type FleetEvent, type Result, type TaskInput } from '../../client/index.ts';
import { MusterGround } from '../support/muster-process.ts';

/** One after another, each slower than the one before. */
const QUEUE: TaskInput[] = ['a', 'b', 'c', 'd'].map((label) => {
  return { label, prompt: `${label} [[simulate turns=2 latency=100ms]]` };
});
const ENDLESS: TaskInput[] = ['a', 'b', 'c'].map((label) => {
  return { label, prompt: `${label} [[simulate turns=500 latency=200ms]]` };
});

let ground: MusterGround;
let muster: Muster;

/** A program's own view of the same home. */
const open = (): Promise<Muster> => {
  const kept = Object.entries(process.env).filter(([key]) => !/^(ANTHROPIC_|TEMPORAL_|MUSTER_HOME)/.test(key));
  const environment = Object.fromEntries(kept);
  return Muster.open({ cwd: ground.directory, home: ground.home, simulate: true, environment });
};

beforeAll(async () => {
  ground = new MusterGround({ 'a.txt': 'one\n' });
  muster = await open();
});
afterAll(async () => {
  await muster[Symbol.asyncDispose]();
  await ground[Symbol.asyncDispose]();
});

async function take<T>(items: AsyncIterable<T>, most = Infinity): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) {
    taken.push(item);
    if (taken.length >= most) break;
  }
  return taken;
}
const labels = (results: readonly Result[]): string[] => results.map(({ label }) => label);
/** Resolves once so many of its subagents have begun. */
const running = async (fleet: Fleet, count = 1): Promise<void> => {
  let begun = 0;
  for await (const { type } of fleet.events()) if (type === 'subagent_started' && ++begun === count) return;
};

describe('the library', () => {
  it('delivers each result once and in order, over a break between two programs too', async () => {
    const fleet = await muster.start({ tasks: QUEUE, name: 'queue' }, { concurrency: 1, reuse: 'never' });
    const arrivals = fleet.results();
    const first = await take(arrivals, 2);
    await using other = await open();
    const rest = await take((await other.fleet(fleet.id)).results({ cursor: arrivals.cursor }));
    expect(labels([...first, ...rest])).toEqual(['a', 'b', 'c', 'd']);
    const ends = [...first, ...rest].map(({ ended_at_ms }) => ended_at_ms);
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    const { view, result, error } = await fleet.wait();
    expect(view).toMatchObject({ name: 'queue', status: 'completed', count: 4, census: { completed: 4 } });
    expect(view.endedAt!.getTime()).toBeGreaterThan(view.startedAt.getTime());
    expect([result, error]).toEqual([undefined, undefined]); // a plan leaves neither
    expect(labels(await take(fleet.allResults()))).toEqual(['a', 'b', 'c', 'd']);
    expect(labels(await fleet.resultsOf(['c', 'a']))).toEqual(['c', 'a']);
  });

  it('tells events whose numbers go on, wherever somebody left', async () => {
    const fleet = await muster.fleet('@latest');
    const whole = await take(fleet.events());
    expect(whole.map(({ seq }) => seq)).toEqual(whole.map((_, i) => i + 1));
    expect(whole[0]!.type).toBe('fleet_started');
    expect(whole.at(-1)).toMatchObject({ type: 'fleet_ended', census: { completed: 4 } });
    const bare = (events: FleetEvent[]): unknown[] => events.map((event) => ({ ...event, time: '' }));
    for (const most of [1, 4, 5, whole.length - 1]) {
      const events = fleet.events();
      const before = await take(events, most);
      const after = await take(fleet.events({ cursor: events.cursor }));
      expect(bare([...before, ...after])).toEqual(bare(whole));
    }
  });

  it('steers, and says how the fleet stands after it', async () => {
    const fleet = await muster.start({ tasks: ENDLESS }, { concurrency: 2, reuse: 'never' });
    await running(fleet, 2);
    expect(await fleet.set({ concurrency: 1, budgetUsd: 5 })).toMatchObject({ concurrency: 1, budgetUsd: 5 });
    expect(await fleet.pause()).toMatchObject({ status: 'paused', reason: 'user' });
    expect(await fleet.resume()).toMatchObject({ status: 'running' });
    expect((await fleet.stop(['a'])).census.stopped).toBe(1);
    expect((await fleet.skip(['c'])).census.skipped).toBe(1);
    await expect(fleet.stop(['aa'])).rejects.toMatchObject({ code: 'unknown_label' });
    await expect(fleet.approve()).rejects.toMatchObject({ code: 'not_asked' });
    const { client } = await muster.ground();
    const asked = (await client.standing(fleet.record)).status;
    expect(await muster.reading().then(({ fleets }) => fleets.status(fleet.id))).toMatchObject({
      ...{ id: asked.id, state: 'running', count: 3, census: asked.census, startedAtMs: asked.startedAtMs },
    });
    expect(await fleet.cancel()).toMatchObject({ status: 'cancelled', census: { stopped: 2, skipped: 1 } });
    // A busy root may still be closing.
    const pause = () => fleet.pause().then(String, (error: { code?: string }) => error.code);
    await expect.poll(pause).toBe('fleet_ended');
    expect((await fleet.wait()).view.status).toBe('cancelled');
    const [newest] = await take(muster.list(), 1);
    expect(newest).toMatchObject({ id: fleet.id, status: 'cancelled' });
  });

  it('starts nothing of what is wrong, whoever finds it', async () => {
    const before = (await take(muster.list())).length;
    const refusal = new Error('not today');
    const review = (): never => {
      throw refusal;
    };
    await expect(muster.start({ tasks: [{ promt: 'x' } as unknown as TaskInput] })).rejects.toThrow(/prompt/);
    await expect(muster.start({ tasks: QUEUE }, { review })).rejects.toBe(refusal);
    await expect(muster.start({ tasks: QUEUE }, { signal: AbortSignal.abort() })).rejects.toThrow();
    await expect(muster.fleet('nonsuch')).rejects.toMatchObject({ code: 'unknown_fleet' });
    await using poor = await Muster.open({ cwd: ground.directory, home: ground.home, environment: {} });
    await expect(poor.start({ tasks: QUEUE })).rejects.toMatchObject({ code: 'no_credential' });
    expect((await take(muster.list())).length).toBe(before);
  });

  it('brings back what somebody ended by hand', async () => {
    expect((await ground.run(['down'])).code).toBe(0);
    const fleet = await muster.start({ tasks: QUEUE.slice(0, 1) }, { idempotencyKey: 'once' });
    expect((await fleet.wait()).view.status).toBe('completed');
    const again = await muster.start({ tasks: QUEUE.slice(0, 1) }, { idempotencyKey: 'once' });
    expect([again.id, again.isNew]).toEqual([fleet.id, false]);
  });
});
