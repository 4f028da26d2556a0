import { BenchStack, type Measured } from './bench-fleet.ts';

/**
 * `npm run bench parents [count]`: many subagents under one parent. 10,000 calls of one script, as one `parallel`, as a
 * pipeline of three stages and as a loop of 200; 2,000 under one Claude; the same with the worker killed in the middle.
 */
const COUNT = Number(process.argv[2] ?? 10_000);
const CHILDREN = COUNT / 5;
const CONCURRENCY = '200';
const WORK = '[[simulate turns=1 latency=100ms output=done]] Work';

const script = (name: string, body: string): string =>
  `export const meta = { name: '${name}', description: 'Many agents' }\n${body}\n`;

/** Each returns how many of its agents said so. */
const SCRIPTS = {
  parallel: script(
    'parallel',
    `const out = await parallel(Array.from({ length: args.count }, (_, i) => () => agent(\`${WORK} \${i}\`)))
return out.filter(x => x === 'done').length`,
  ),
  pipeline: script(
    'pipeline',
    `const items = Array.from({ length: Math.floor(args.count / 3) }, (_, i) => i)
const stage = n => (_, i) => agent(\`${WORK} \${i}, stage \${n}\`)
const out = await pipeline(items, stage(1), stage(2), stage(3))
return out.filter(x => x === 'done').length * 3`,
  ),
  loop: script(
    'loop',
    `let done = 0
for (let from = 0; from < args.count; from += 200)
  done += (await parallel(Array.from({ length: 200 }, (_, i) => () => agent(\`${WORK} \${from + i}\`)))).filter(x => x === 'done').length
return done`,
  ),
};

await using stack = await BenchStack.start();
for (const [name, source] of Object.entries(SCRIPTS)) {
  const file = await stack.file(`${name}.js`, source);
  const run = (of: number, kill = false): Promise<Measured> =>
    stack.measured(
      [file, '--args', JSON.stringify({ count: of }), '--max-agents', '20000', '--concurrency', CONCURRENCY],
      { asksStatus: !kill, ...(kill && { meanwhile: (over) => stack.killWorkerAfter(of / 2, over) }) },
    );
  const small = await run(COUNT / 4);
  await report(`${COUNT.toString()} agents of a script, ${name}`, small, await run(COUNT), await run(COUNT, true));
}
const prompt = (of: number): string => `[[simulate spawn=${of.toString()} prompt="${WORK} {n}"]] Share it out.`;
const claude = (of: number, kill = false): Promise<Measured> =>
  stack.measured(['--prompt', prompt(of), '--max-agents', '20000', '--concurrency', CONCURRENCY], {
    asksStatus: !kill,
    ...(kill && { meanwhile: (over) => stack.killWorkerAfter(of / 2, over) }),
  });
const few = await claude(CHILDREN / 4);
await report(
  `${CHILDREN.toString()} subagents of one Claude`,
  few,
  await claude(CHILDREN),
  await claude(CHILDREN, true),
);

async function report(title: string, quarter: Measured, whole: Measured, killed: Measured): Promise<void> {
  const events = await stack.rootEvents(whole.id);
  const figures = {
    'wall (s)': whole.wallMs / 1_000,
    'wall / (4 × wall of a quarter)': whole.wallMs / (4 * quarter.wallMs),
    'wall, worker killed in the middle (s)': killed.wallMs / 1_000,
    'completed; killed': `${whole.census['completed'] ?? 0}; ${killed.census['completed'] ?? 0}`,
    'returned; killed': `${JSON.stringify(whole.result).slice(0, 60)}; ${JSON.stringify(killed.result).slice(0, 60)}`,
    'peak memory of a quarter (MB)': quarter.peakBytes / 1e6,
    'peak memory (MB)': whole.peakBytes / 1e6,
    'CPU a subagent (ms)': whole.cpuMs / whole.turns,
    'runs of the root': events.length,
    'events of its longest run': Math.max(...events),
    'muster status, slowest (ms)': whole.slowestStatusMs,
  };
  process.stdout.write(`\n${title}\n`);
  for (const [name, value] of Object.entries(figures)) {
    const shown = typeof value === 'number' ? Number(value.toPrecision(4)).toString() : value;
    process.stdout.write(`  ${name.padEnd(40)} ${shown}\n`);
  }
}
