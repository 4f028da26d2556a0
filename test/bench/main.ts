import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { listScheduleWall } from './list-schedule.ts';
import { BenchStack, type FleetOf, type Measured } from './bench-fleet.ts';
import { durationsOf } from './durations.ts';

/**
 * `npm run bench [section …]`: prints figures and judges nothing. Every fleet runs beside a bare p-limit loop over the
 * same simulated Claude, in the same run; compare ratios, not seconds. `sandbox`, `decision`, `limits`, `cache`,
 * `parents`, `script`, `cluster` and `rolling` are programs by themselves.
 */
const sections: Record<string, (stack: BenchStack) => Promise<void>> = {
  turns: async (stack) => {
    const of = { count: 1_000, turns: 5, latency: '200ms', concurrency: 200 };
    await beside(stack, '1,000 subagents × 5 turns × 200 ms', of, (of.count / of.concurrency) * of.turns * 200);
  },
  realistic: async (stack) => {
    const of = { count: 1_000, turns: 5, latency: '2s sigma=0.6', concurrency: 200 };
    const ideal = listScheduleWall(durationsOf(of), of.concurrency);
    await beside(stack, '1,000 subagents, log-normal, mean 10 s', of, ideal);
  },
  equal: async (stack) => {
    const one = await stack.fleet({ count: 1, turns: 10, latency: '3s', concurrency: 50 });
    const fifty = await stack.fleet({ count: 50, turns: 10, latency: '3s', concurrency: 50 });
    print('50 equal subagents of 30 s', {
      'one (s)': one.wallMs / 1_000,
      'fifty (s)': fifty.wallMs / 1_000,
      ratio: fifty.wallMs / one.wallMs,
    });
  },
  large: async (stack) => {
    const of = { turns: 1, latency: '100ms', concurrency: 200 };
    const small = await stack.fleet({ ...of, count: 2_500 });
    const large = await stack.fleet({ ...of, count: 10_000 }, true);
    print('10,000 subagents', {
      ...figures(large, of.turns * 10_000),
      'peak memory (GB)': large.peakBytes / 1e9,
      'muster status, slowest (ms)': large.slowestStatusMs,
      'wall / (4 × wall of 2,500)': large.wallMs / (4 * small.wallMs),
      'root history events, longest run': Math.max(...(await stack.rootEvents(large.id))),
    });
  },
};

async function beside(stack: BenchStack, title: string, of: FleetOf, idealMs: number): Promise<void> {
  const peer = await stack.peer(of);
  const fleet = await stack.fleet(of);
  print(title, {
    ...figures(fleet, of.count * of.turns),
    'efficiency (ideal / wall)': idealMs / fleet.wallMs,
    'p-limit: efficiency': idealMs / peer.wallMs,
    'p-limit: CPU a turn (ms)': peer.cpuMs / (of.count * of.turns),
    'wall: muster / p-limit': fleet.wallMs / peer.wallMs,
  });
}

function figures(fleet: Measured, turns: number): Record<string, number> {
  return {
    'exit code': fleet.exitCode ?? -1,
    'wall (s)': fleet.wallMs / 1_000,
    'turns a second': (turns / fleet.wallMs) * 1_000,
    'CPU a turn (ms)': fleet.cpuMs / turns,
    '  of which server': fleet.serverCpuMs / turns,
    '  of which workers': fleet.workerCpuMs / turns,
    '  of which CLI': fleet.cliCpuMs / turns,
    'simulated Claude, CPU a turn (ms)': fleet.simulatedCpuMs / turns,
    'first model call (s)': fleet.firstCallMs / 1_000,
    'peak memory (MB)': fleet.peakBytes / 1e6,
  };
}

function print(title: string, values: Record<string, number>): void {
  process.stdout.write(`\n${title}\n`);
  for (const [name, value] of Object.entries(values))
    process.stdout.write(`  ${name.padEnd(36)} ${Number(value.toPrecision(4)).toString()}\n`);
}

/** Figures of single rooms, each a program of its own beside what it compares with. */
const rooms = ['sandbox', 'decision', 'limits', 'cache', 'parents', 'script', 'cluster', 'rolling'];

function room(name: string): void {
  const script = fileURLToPath(new URL(`${name}-bench.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in sections) && !rooms.includes(name));
const isAsked = (name: string): boolean => asked.length === 0 || asked.includes(name);
if (unknown.length > 0) {
  process.stderr.write(
    `no section ${unknown.join(', ')}; there are ${[...Object.keys(sections), ...rooms].join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  const fleets = Object.entries(sections).filter(([name]) => isAsked(name));
  if (fleets.length > 0) {
    await using stack = await BenchStack.start();
    for (const [, section] of fleets) await section(stack);
  }
  for (const name of rooms.filter(isAsked)) room(name);
}
