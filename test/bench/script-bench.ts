import { ScriptWorld } from '../activities/script/script-world.ts';

/** Agents of each script. */
const COUNT = Number(process.argv[2] ?? 10_000);

const SHAPES: Readonly<Record<string, string>> = {
  'one parallel': `return (await parallel(Array.from({ length: ${COUNT.toString()} }, (_, i) => () => agent('look at ' + i)))).length`,
  'a pipeline of three stages': `const items = Array.from({ length: ${Math.ceil(COUNT / 3).toString()} }, (_, i) => i)
    return (await pipeline(items, (i) => agent('find ' + i), (_, i) => agent('fix ' + i), (_, i) => agent('judge ' + i))).length`,
  'a loop of 200': `let n = 0
    while (n < ${COUNT.toString()}) n += (await parallel(Array.from({ length: 200 }, (_, i) => () => agent('round ' + n + ' look at ' + i)))).length
    return n`,
};

/** One script with its root played here: what its exchanges cost, and what a worker pays that has to play all again. */
async function measure(name: string, body: string): Promise<void> {
  await using world = await ScriptWorld.open();
  const room = world.worker();
  const fleet = await world.fleet(body, { maxTotalAgents: 2 * COUNT });
  const [exchanges, again]: [number[], number[]] = [[], []];
  let mostBytes = 0;
  let outcome = await timed(() => fleet.next(room), exchanges);
  const first = exchanges.pop()!;
  while (outcome.kind === 'waits') {
    const ended = await fleet.end();
    const isLast = fleet.openCount === 0 && fleet.tasks.length >= COUNT;
    outcome = await timed(() => fleet.next(isLast ? world.worker() : room, ended), isLast ? again : exchanges);
    mostBytes = Math.max(mostBytes, process.memoryUsage().rss);
  }
  exchanges.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(exchanges[Math.floor((exchanges.length - 1) * share)]!);
  console.log(name, {
    agents: fleet.tasks.length,
    exchanges: fleet.exchange,
    'first exchange (ms)': Math.round(first),
    'exchange: p50, p90, slowest (ms)': [at(0.5), at(0.9), at(1)].join(', '),
    'played again, whole (ms)': Math.round(again.at(-1)!),
    'memory of the worker (MB)': Math.round(mostBytes / 1e6),
  });
}

const HOSTILE = [
  'for (;;) {}',
  'const f = async () => { for (;;) await null }; await f()',
  'new Array(2 ** 32 - 2).join()',
];
const CALM = `let n = 0
  for (let k = 0; k < 30; k++) n += (await parallel(Array.from({ length: 20 }, (_, i) => () => agent(k + '/' + i)))).length
  return n`;

/** The slowest exchange of a fleet, alone and beside scripts that only spin: those share its worker. */
async function besideHostile(): Promise<void> {
  await using world = await ScriptWorld.open();
  const room = world.worker();
  const slowest = async (): Promise<number> => {
    const fleet = await world.fleet(CALM);
    const spent: number[] = [];
    let outcome = await fleet.next(room);
    while (outcome.kind === 'waits') {
      const ended = await fleet.end();
      outcome = await timed(() => fleet.next(room, ended), spent);
    }
    return Math.max(...spent);
  };
  const alone = await slowest();
  const spinning = new AbortController();
  const spin = async (body: string): Promise<void> => {
    while (!spinning.signal.aborted) await (await world.fleet(body)).next(room);
  };
  const hostile = HOSTILE.map(spin);
  const beside = await slowest();
  spinning.abort();
  await Promise.all(hostile);
  console.log('the slowest exchange of another fleet', {
    'alone (ms)': Math.round(alone),
    'beside three hostile scripts (ms)': Math.round(beside),
    ratio: (beside / alone).toFixed(2),
  });
}

async function timed<T>(work: () => Promise<T>, spent: number[]): Promise<T> {
  const beganAt = performance.now();
  const value = await work();
  spent.push(performance.now() - beganAt);
  return value;
}

for (const [name, body] of Object.entries(SHAPES)) await measure(name, body);
await besideHostile();
