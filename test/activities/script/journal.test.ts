import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArtifactStore } from '../../../activities/artifacts/store.ts';
import type { ScriptRoom } from '../../../activities/script/parts.ts';
import { runScript } from '../../../activities/script/run-script.ts';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import type { ScriptOutcome } from '../../../workflows/contract/units.ts';
import { within } from '../../support/processes.ts';
import { never, type ScriptFleet } from './script-fleet.ts';
import { ScriptWorld, type FleetOptions } from './script-world.ts';

let world: ScriptWorld;
let worker: ScriptRoom;
beforeAll(async () => {
  world = await ScriptWorld.open();
  worker = world.worker();
});
afterAll(() => world[Symbol.asyncDispose]());

const nowhere = (): ScriptRoom =>
  world.worker({ launch: () => Promise.reject(new Error('no interpreter should be needed')) });

/** Races, a loop until dry, pushes, refusals, faults, another script and an approval: all that order decides. */
const BUSY = `
const order = []
const first = await Promise.race(['slow', 'quick'].map(async (x) => { const a = await agent(x); order.push(a); return a }))
let dry = 0, round = 0
while (dry < 2) {
  const found = await parallel(['p', 'q', 'r'].map((x) => () => agent(x + ' of round ' + round)))
  round < 1 && found.length > 2 ? (dry = 0) : dry++
  round++
  log('round ' + round)
}
const wrong = await agent('x', { effort: 'huge' }).catch((e) => e.message)
const inner = await workflow('inner', { round })
const approved = await approve('Go on?')
return { first, order, round, wrong, inner, approved, spent: budget.spent() }
`;
const OPTIONS: FleetOptions = {
  saved: { inner: "export const meta = { name: 'i', description: 'i' }\nreturn [args.round, await agent('inner')]" },
  budgetMicroUsd: 100_000_000,
};

/** Ends four agents an exchange, the newest first. `workerOf` says who has the n-th exchange. */
async function playBusy(workerOf: (n: number) => ScriptRoom): Promise<{ fleet: ScriptFleet; outcome: ScriptOutcome }> {
  const fleet = await world.fleet(BUSY, OPTIONS);
  let outcome = await fleet.next(workerOf(1));
  for (let n = 2; outcome.kind === 'waits' && n < 40; n++) {
    if (fleet.openApprovals.length > 0) fleet.decide(true);
    fleet.spentMicroUsd += 500_000;
    const ended = await fleet.end(undefined, 4);
    outcome = await fleet.next(workerOf(n), ended.reverse());
  }
  return { fleet, outcome };
}

/** A store whose methods can be replaced one by one. */
function bound(store: ArtifactStore): ArtifactStore {
  const methods = [
    'put',
    'get',
    'has',
    'putFile',
    'getFile',
    'readRecord',
    'writeRecord',
    'listRecords',
    'listFolders',
  ] as const;
  const others = ['deleteRecords', 'probe', 'collect'] as const;
  return Object.fromEntries(
    [...methods, ...others].map((name) => [name, store[name].bind(store)]),
  ) as unknown as ArtifactStore;
}

describe.concurrent('a script that is played again', () => {
  it('comes to the same point whichever worker has it, and spawns the same', { timeout: 60_000 }, async () => {
    const one = await playBusy(() => worker);
    const many = await playBusy(() => world.worker());
    const value = await one.fleet.valueOf(one.outcome);
    expect(value).toMatchObject({ first: 'QUICK', order: ['QUICK', 'SLOW'], approved: true });
    expect(await many.fleet.valueOf(many.outcome)).toEqual(value);
    expect(many.fleet.tasks).toEqual(one.fleet.tasks);
    expect(await many.fleet.said()).toEqual(await one.fleet.said());
  });

  it(
    'hears what it heard then: the same generation, the same refusal, the same price of a token',
    { timeout: 60_000 },
    async () => {
      const body = `const total = budget.total; const a = await agent('n' + total)
      const no = await parallel(['x', 'y', 'z'].map((x) => () => agent(a + x)))
      return [a, no, total, budget.total, await agent('end')]`;
      const fleet = await world.fleet(body, { budgetMicroUsd: 1_000_000, maxTotalAgents: 2 });
      await fleet.next(worker);
      await fleet.next(worker, await fleet.end());
      await fleet.leave(0, { output: 'told too late' }, 2);
      const dearer = world.worker({ outputMicroUsd: () => 20_000_000 });
      await fleet.next(dearer);
      expect(await fleet.valueOf(await fleet.next(dearer, await fleet.end()))).toEqual([
        ...['N100000', [null, null, null], 100_000, 50_000, 'END'],
      ]);
    },
  );
});

describe.concurrent('an exchange that is asked for again', () => {
  it('is what the journal says, without running anything', async () => {
    const fleet = await world.fleet('return await agent("a")');
    const first = await fleet.next(worker);
    expect(await runScript(nowhere(), fleet.ref(), never)).toEqual(first);
    const last = await fleet.next(worker, await fleet.end());
    expect(await runScript(nowhere(), fleet.ref([0]), never)).toEqual(last);
  });

  it('is the same of two workers that have it at once, and is written once', async () => {
    const fleet = await world.fleet('return await parallel(["a", "b"].map((x) => () => agent(x)))');
    fleet.exchange = 1;
    const both = await Promise.all([
      runScript(worker, fleet.ref(), never),
      runScript(world.worker(), fleet.ref(), never),
    ]);
    expect(both[0]).toEqual(both[1]);
    expect((await world.store.readRecord(recordKeys.exchange(fleet.of.fleetId, 1, 1)))?.version).toBe(1);
    await fleet.came(both[0]);
    const [first, second] = [await fleet.next(worker, await fleet.end()), undefined];
    expect(second ?? (await fleet.valueOf(first))).toEqual(['A', 'B']);
  });

  it('asks for the same when its worker died before it was written down', async () => {
    const fleet = await world.fleet('return await agent("a")');
    fleet.exchange = 1;
    const requests: unknown[] = [];
    const { spawning } = worker.parts;
    const dying = world.worker({
      spawning: {
        ...spawning,
        ask: async (...of) => {
          const ref = await spawning.ask(...of);
          requests.push(ref);
          return ref;
        },
      },
      store: { ...bound(world.store), writeRecord: () => Promise.reject(new Error('it died')) },
    });
    await expect(runScript(dying, fleet.ref(), never)).rejects.toThrow('it died');
    expect(await runScript(world.worker(), fleet.ref(), never)).toMatchObject({ request: requests[0] });
  });

  it('waits for what the root has not written down yet', async () => {
    const fleet = await world.fleet('return await agent("a")');
    await fleet.next(worker);
    fleet.exchange = 2;
    await expect(runScript(worker, fleet.ref([0]), never)).rejects.toThrow('has ended and left no result yet');
    await fleet.end();
    expect(await fleet.valueOf(await runScript(worker, fleet.ref([0]), never))).toBe('A');
  });

  it('is broken off at a signal, and leaves nothing running', async () => {
    const fleet = await world.fleet('for (;;) [].concat(new Array(2 ** 31)).join()');
    fleet.exchange = 1;
    const wanted = new AbortController();
    const own = world.worker();
    const running = runScript(own, fleet.ref(), wanted.signal);
    setTimeout(() => wanted.abort(new Error('wanted back')), 300);
    await expect(running).rejects.toThrow('wanted back');
  });
});

describe.concurrent('a journal that does not fit', () => {
  it('ends the script and names the first difference', async () => {
    const fleet = await world.fleet('return await agent("a") + await agent("b") + await agent("c")');
    await fleet.next(worker);
    await fleet.next(worker, await fleet.end());
    fleet.of.manifest = (await world.fleet('return await agent("a") + await agent("other")')).of.manifest;
    const message =
      'it came out otherwise when it was run again, at exchange 2: call 2 was agent("b", {}) (b) and is now call 2, agent("other", {}) (other)';
    expect(await fleet.next(world.worker(), await fleet.end())).toEqual({
      ...{ kind: 'ended', outcome: { error: { type: 'Script.NotDeterministic', message } } },
    });
  });

  it('of another engine is refused, with what to do', async () => {
    const fleet = await world.fleet('return await agent("a")');
    await fleet.next(worker);
    const key = recordKeys.exchange(fleet.of.fleetId, 1, 1);
    await world.store.writeRecord(key, { ...(await fleet.record(1)), engine: 'quickjs-wasi 2.0' }, 1);
    const error = { type: 'Script.Version', message: expect.stringContaining('run the fleet again') as string };
    expect(await fleet.next(world.worker(), await fleet.end())).toMatchObject({ outcome: { error } });
  });

  it('lacks an exchange: it is tried again, for a store may be slow', async () => {
    const fleet = await world.fleet('return await agent("a")');
    fleet.exchange = 2;
    await expect(runScript(worker, fleet.ref(), never)).rejects.toThrow('exchange 1 of');
  });
});

describe.concurrent('interpreters', () => {
  it('are kept between exchanges, the ones used last', async () => {
    await using few = await ScriptWorld.open({ limits: { kept: 1 } });
    let launches = 0;
    const plain = few.worker().parts.launch;
    const own = few.worker({ launch: (program) => (launches++, plain(program)) });
    const [a, b] = [await few.fleet('return await agent("a")'), await few.fleet('return await agent("b")')];
    await a.next(own);
    await b.next(own);
    expect(await b.valueOf(await b.next(own, await b.end()))).toBe('B');
    expect(launches).toBe(2);
    expect(await a.valueOf(await a.next(own, await a.end()))).toBe('A');
    expect(launches).toBe(3);
  });

  it('that nobody asks for end', async () => {
    await using short = await ScriptWorld.open({ limits: { keptMs: 1 } });
    const own = short.worker();
    const fleet = await short.fleet('return await agent("a")');
    await fleet.next(own);
    await within(10_000, () => own.interpreters.size === 0);
    expect(await fleet.valueOf(await fleet.next(own, await fleet.end()))).toBe('A');
  });

  it('end with their worker, and it starts no other', async () => {
    const own = world.worker();
    const fleet = await world.fleet('return await agent("a")');
    await fleet.next(own);
    await own.interpreters.close();
    expect(own.interpreters.size).toBe(0);
    fleet.exchange = 2;
    await expect(runScript(own, fleet.ref([...(await fleet.end())]), never)).rejects.toThrow();
  });
});
