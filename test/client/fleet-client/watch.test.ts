import { ServiceError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { censusOf, type Standing } from '../../../client/fleet-client/standing.ts';
import type { EndedSubagent } from '../../../client/fleet-client/result-reader.ts';
import { syntheticResult } from '../../../activities/artifacts/synthetic-result.ts';
import type { FleetChange } from '../../../client/fleet-client/news.ts';
import type { ScriptSaid } from '../../../client/fleet-client/script-journal.ts';
import { FleetWatch, type Watched } from '../../../client/fleet-client/watch.ts';
import { statusOfLetter, type FleetState } from '../../../workflows/contract/statuses.ts';

function standing(units: string, state: FleetState = 'running', generations: [number, number][] = []): Standing {
  const none = { waiting: 0, queued: 0, running: 0, parked: 0 };
  const status = { v: 1, id: 'f', name: 'f', state, count: units.length, census: censusOf(units), ...none } as const;
  const money = { generation: 1, concurrency: 5, budgetMicroUsd: null, spentMicroUsd: 0, startedAtMs: 0 };
  return { status: { ...status, ...money }, progress: { units, generations } };
}

/** A fleet that stands like this, look by look; an error is a look nobody answered. Later subagents end earlier. */
function fleetOf(looks: (Standing | Error)[], said: ScriptSaid[] = []): Watched & { mended: number } {
  let at = 0;
  const ended = (index: number, letter: string): EndedSubagent => {
    const end = {
      status: statusOfLetter(letter)!,
      error: { type: 'T', message: 'm' },
      atMs: 1_000 - index,
      isSimulated: false,
    };
    return { index, label: `s${index}`, result: syntheticResult({ label: `s${index}`, model: 'm' }, end) };
  };
  return {
    id: 'f',
    mended: 0,
    look: async () => {
      const look = looks[Math.min(at++, looks.length - 1)]!;
      if (look instanceof Error) throw look;
      return look;
    },
    ended: async ({ progress }, indexes) => indexes.map((index) => ended(index, progress.units[index]!)),
    started: async () => [],
    async *said(_standing, from) {
      yield* said.filter(({ exchange }) => exchange >= from.exchange);
    },
    async mend() {
      this.mended++;
    },
    closing: () => new Promise(() => undefined),
  };
}

const away = (): Error => new ServiceError('no worker polls', { cause: grpcError(9) });
const grpcError = (code: number): Error =>
  Object.assign(new Error('grpc'), { name: 'Error', code, details: '', metadata: {} });

async function told(watch: FleetWatch, most = Infinity): Promise<FleetChange[]> {
  const changes: FleetChange[] = [];
  for await (const change of watch) {
    changes.push(change);
    if (changes.length >= most) break;
  }
  return changes;
}
const labels = (changes: FleetChange[]): string[] =>
  changes.flatMap((change) => (change.kind === 'ended' ? [`${change.label}/${change.generation}`] : []));

describe('FleetWatch', () => {
  it('tells each end once, in the order in which they came, and closes with the fleet', async () => {
    const looks = [standing('bbq'), standing('CFb'), standing('CFb'), standing('CFC', 'completed')];
    const changes = await told(new FleetWatch(fleetOf(looks), { everyMs: 1 }));
    expect(labels(changes)).toEqual(['s1/1', 's0/1', 's2/1']);
    const states = changes.flatMap((change) => (change.kind === 'status' ? [change.status.census.completed] : []));
    expect(states).toEqual([0, 1, 2]); // an equal status is not told again
    expect(changes.at(-1)).toMatchObject({ kind: 'status', status: { state: 'completed' } });
  });

  it('tells the end of a retried subagent again, under its generation', async () => {
    const looks = [standing('F'), standing('b', 'running', [[0, 2]]), standing('C', 'completed', [[0, 2]])];
    expect(labels(await told(new FleetWatch(fleetOf(looks), { everyMs: 1 })))).toEqual(['s0/1', 's0/2']);
    // Also when it failed and came back between two looks.
    const quick = [standing('F'), standing('F', 'completed', [[0, 2]])];
    expect(labels(await told(new FleetWatch(fleetOf(quick), { everyMs: 1 })))).toEqual(['s0/1', 's0/2']);
  });

  it('goes on from a cursor, wherever between two changes it was taken', async () => {
    const looks = [standing('CFCb'), standing('CFCC', 'completed')];
    const whole = labels(await told(new FleetWatch(fleetOf(looks), { everyMs: 1 })));
    for (let most = 1; most <= 4; most++) {
      const first = new FleetWatch(fleetOf(looks), { everyMs: 1 });
      const before = labels(await told(first, most));
      const after = labels(await told(new FleetWatch(fleetOf(looks), { everyMs: 1, cursor: first.cursor })));
      expect([...before, ...after]).toEqual(whole);
    }
  });

  it('says so while nobody answers, has the stack mended, and goes on', async () => {
    const fleet = fleetOf([standing('b'), away(), away(), standing('C', 'completed')]);
    const kinds = (await told(new FleetWatch(fleet, { everyMs: 1 }))).map(({ kind }) => kind);
    expect(kinds).toEqual(['status', 'trouble', 'ended', 'status']);
    expect(fleet.mended).toBeGreaterThan(0);
  });

  it('ends with what is no passing trouble', async () => {
    const broken = fleetOf([standing('b'), new TypeError('a bug')]);
    await expect(told(new FleetWatch(broken, { everyMs: 1 }))).rejects.toThrow('a bug');
  });

  it('ends at once when it is told to', async () => {
    const abort = new AbortController();
    const watching = told(new FleetWatch(fleetOf([standing('b')]), { everyMs: 60_000, signal: abort.signal }));
    abort.abort();
    await expect(watching).rejects.toThrow();
  });

  it('tells what a script said between the ends it had heard of before and those it had not', async () => {
    const said: ScriptSaid[] = [
      { generation: 1, exchange: 1, ended: [], lines: [{ kind: 'phase', text: 'Scan' }] },
      { generation: 1, exchange: 2, ended: [2], lines: [{ kind: 'log', text: 'one is in' }] },
      { generation: 1, exchange: 3, ended: [0], lines: [] },
      { generation: 1, exchange: 4, ended: [1], lines: [{ kind: 'log', text: 'done' }] },
    ];
    const looks = [standing('CCC', 'completed')];
    const words = (changes: FleetChange[]): string[] =>
      changes.flatMap((change) =>
        change.kind === 'log' ? [change.text] : change.kind === 'ended' ? [change.label] : [],
      );
    const whole = words(await told(new FleetWatch(fleetOf(looks, said), { everyMs: 1 })));
    expect(whole).toEqual(['Scan', 's2', 'one is in', 's1', 's0', 'done']);
    for (let most = 1; most <= whole.length; most++) {
      const first = new FleetWatch(fleetOf(looks, said), { everyMs: 1 });
      const before = words(await told(first, most));
      const after = words(await told(new FleetWatch(fleetOf(looks, said), { everyMs: 1, cursor: first.cursor })));
      expect([...before, ...after]).toEqual(whole);
    }
  });

  it('is in order of completion also where more have ended than fit in memory', async () => {
    const looks = [standing('C'.repeat(12_000), 'completed')];
    const order = labels(await told(new FleetWatch(fleetOf(looks))));
    expect(order).toHaveLength(12_000);
    expect(order[0]).toBe('s11999/1');
    expect(order.at(-1)).toBe('s0/1');
  });

  it('refuses a cursor that is none, and one of another fleet', () => {
    expect(() => new FleetWatch(fleetOf([standing('b')]), { cursor: 'bm9uZQ' })).toThrow('no cursor');
    const { cursor } = new FleetWatch({ ...fleetOf([standing('b')]), id: 'other' });
    expect(() => new FleetWatch(fleetOf([standing('b')]), { cursor })).toThrow('this cursor is of the fleet other');
  });
});
