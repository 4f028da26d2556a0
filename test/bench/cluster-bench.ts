import { readdirSync, readFileSync } from 'node:fs';
import { Cluster } from '../support/cluster.ts';
import { Postgres } from '../support/postgres.ts';
import { missingForPostgres, TemporalOnPostgres } from '../support/temporal-on-postgres.ts';
import { TemporalServer } from '../support/temporal-server.ts';
import { cpuMs } from './process-usage.ts';

/**
 * `npm run bench cluster`: the same fleet with 1, 2 and 4 worker processes, on the dev server and on PostgreSQL. On a
 * machine with fewer cores than processes more of them show what a process costs, not what one adds.
 */
const COUNT = 500;
const TURNS = 5;
const CONCURRENCY = 200;
const READ = `[[simulate call=Read input='{"file_path":"notes.txt"}']]`;

const missing = missingForPostgres();
if (missing.length > 0) process.stdout.write(`PostgreSQL is left out: ${missing.join(', ')} missing\n`);

process.stdout.write(
  `${COUNT.toString()} subagents × ${TURNS.toString()} turns × 200 ms, ${CONCURRENCY.toString()} at once\n`,
);
process.stdout.write('server      workers  turns/s  CPU a turn (ms): workers  server  database\n');
for (const kind of missing.length > 0 ? ['dev'] : ['dev', 'postgres'])
  for (const workers of [1, 2, 4]) {
    const temporal =
      kind === 'dev' ? await TemporalServer.start() : await TemporalOnPostgres.start(await Postgres.start());
    const slots = { MUSTER_WORKER_SLOTS: Math.ceil(CONCURRENCY / workers).toString() };
    await using cluster = await Cluster.start({ workers, temporal, env: slots });
    await fleet(cluster, 20); // compiles, opens connections
    const database = temporal instanceof TemporalOnPostgres ? temporal.postgres.pid : undefined;
    const usage = () => ({
      workers: cluster.workers.reduce((sum, { pid }) => sum + cpuMs(pid), 0),
      server: cpuMs(temporal.pid),
      database: database === undefined ? 0 : treeCpuMs(database),
    });
    const before = usage();
    const startedAt = performance.now();
    await fleet(cluster, COUNT);
    const wallS = (performance.now() - startedAt) / 1_000;
    const after = usage();
    const turns = COUNT * TURNS;
    const each = (['workers', 'server', 'database'] as const).map((part) => (after[part] - before[part]) / turns);
    const [ofWorkers, ofServer, ofDatabase] = each.map((ms) => ms.toFixed(2));
    process.stdout.write(
      `${kind.padEnd(11)} ${workers.toString().padStart(7)}  ${(turns / wallS).toFixed(0).padStart(7)}  ${ofWorkers!.padStart(24)} ` +
        `${ofServer!.padStart(7)} ${ofDatabase!.padStart(9)}\n`,
    );
  }

async function fleet(cluster: Cluster, count: number): Promise<void> {
  const reads = READ.repeat(TURNS - 1);
  const tasks = Array.from({ length: count }, (_, i) => ({
    prompt: `[[simulate turns=${TURNS.toString()} latency=200ms]] ${reads} Work ${i.toString()} of ${count.toString()}`,
  }));
  const submitted = await cluster.submit(tasks, { maxConcurrentAgents: CONCURRENCY });
  await cluster.until(submitted, ({ state }) => state === 'completed', 600_000);
}

/** Of a process and all that it has started, the ended ones included. */
function treeCpuMs(pid: number): number {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid);
  return children.reduce((sum, child) => sum + treeCpuMs(Number(child)), cpuMs(pid));
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
