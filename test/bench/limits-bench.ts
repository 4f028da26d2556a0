import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SimulatedStats } from '../../client/simulated/journal.ts';
import type { LimitsPeerReport, LimitsPeerTask } from './limits-peer.ts';

/**
 * `node test/bench/limits-bench.ts [section …]`: workers in processes of their own, which know of one another only by the
 * headers of one simulated API with token buckets. Prints figures and judges nothing. More than 100 % is used while the
 * minute's worth that lay in the buckets at the start is not gone yet.
 */
const SIMULATED = fileURLToPath(new URL('../../client/simulated/main.ts', import.meta.url));
const PEER = fileURLToPath(new URL('./limits-peer.ts', import.meta.url));
/** Long enough for the minute's worth that lay in the buckets to be used up. */
const RAMP_MS = 60_000;
const STEADY_MS = 60_000;
/** Subagents of each fleet in each worker. */
const FLEETS = [200, 300, 600];

interface Section {
  title: string;
  limits: { rpm: number; itpm: number; otpm: number };
  /** Of each call. */
  promptTokens: number;
  outputTokens: number;
}

const SECTIONS: Record<string, Section> = {
  requests: {
    title: '6,000 requests a minute',
    ...{ limits: { rpm: 6_000, itpm: 60_000_000, otpm: 12_000_000 }, promptTokens: 200, outputTokens: 100 },
  },
  input: {
    title: '6,000,000 input tokens a minute, 1,000 a call',
    ...{ limits: { rpm: 20_000, itpm: 6_000_000, otpm: 12_000_000 }, promptTokens: 1_000, outputTokens: 100 },
  },
  output: {
    title: '1,200,000 output tokens a minute, 200 a call',
    ...{ limits: { rpm: 20_000, itpm: 60_000_000, otpm: 1_200_000 }, promptTokens: 200, outputTokens: 200 },
  },
};

interface Simulated {
  url: string;
  child: ChildProcess;
}

async function startSimulated({ limits }: Section): Promise<Simulated> {
  const flags = Object.entries(limits).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const child = spawn(process.execPath, [SIMULATED, '--latency', '1s', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { url: (JSON.parse(line.toString()) as { url: string }).url, child };
}

async function statsOf(url: string): Promise<SimulatedStats> {
  return (await (await fetch(`${url}/__simulated/stats`)).json()) as SimulatedStats;
}

async function run(section: Section, workers: number): Promise<void> {
  const simulated = await startSimulated(section);
  const { promptTokens, outputTokens } = section;
  const task: LimitsPeerTask = { url: simulated.url, fleets: FLEETS, promptTokens, outputTokens };
  const peers = Array.from({ length: workers }, (_, n) => fork(PEER, [JSON.stringify(task), `${n}`]));
  try {
    await sleep(RAMP_MS);
    const before = await statsOf(simulated.url);
    for (const peer of peers) peer.send('measure');
    await sleep(STEADY_MS);
    const after = await statsOf(simulated.url);
    const reports = await Promise.all(peers.map(reportOf));
    print(section, before, after, reports);
  } finally {
    for (const child of [...peers, simulated.child]) child.kill('SIGKILL');
  }
}

async function reportOf(peer: ChildProcess): Promise<LimitsPeerReport> {
  const reported = once(peer, 'message');
  peer.send('report');
  return (await reported)[0] as LimitsPeerReport;
}

function print({ limits }: Section, before: SimulatedStats, after: SimulatedStats, reports: LimitsPeerReport[]): void {
  const minutes = STEADY_MS / 60_000;
  const input = ({ usage }: SimulatedStats): number => usage.input_tokens + usage.cache_creation_input_tokens;
  const used = Math.max(
    (after.answered - before.answered) / (limits.rpm * minutes),
    (input(after) - input(before)) / (limits.itpm * minutes),
    (after.usage.output_tokens - before.usage.output_tokens) / (limits.otpm * minutes),
  );
  const byFleet = FLEETS.map((_, fleet) => sum(reports.map(({ answered }) => answered[fleet] ?? 0)));
  const figures = {
    workers: reports.length,
    'used of the limit, steady': percent(used),
    'refused (429), whole run': percent((after.statuses['429'] ?? 0) / after.calls),
    'Jain, fleets': jain(byFleet).toFixed(3),
    'Jain, workers': jain(reports.map(({ answered }) => sum(answered))).toFixed(3),
    'CPU of a worker, a call (ms)': (sum(reports.map(({ cpuMs }) => cpuMs)) / sum(byFleet)).toFixed(2),
  };
  console.log(
    Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join('  ·  '),
  );
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
const jain = (shares: readonly number[]): number =>
  sum(shares) ** 2 / (shares.length * sum(shares.map((one) => one ** 2)));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const asked = process.argv.slice(2);
for (const [name, section] of Object.entries(SECTIONS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n${section.title}; fleets of ${FLEETS.join(', ')} subagents in each worker, calls of 1 s`);
  for (const workers of [1, 2, 4]) await run(section, workers);
}
