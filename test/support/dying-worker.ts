import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { supervisorOf } from '../../workers/attempt-reports.ts';

/**
 * A worker's life without its work: argv `worker LIVES FILE`. LIVES: for each start what it does, the last for all later
 * ones. FILE: one line a start, with its pid, once it has said what it has to say.
 */
interface Life {
  begins?: string[];
  ends?: string[];
  /** An exit code, or the signal it dies of; absent: it lives until it is told to end. */
  dies?: number | NodeJS.Signals;
  /** What SIGTERM makes of it; absent: it takes no notice. */
  drains?: number;
  /** What the loss of its supervisor makes of it. */
  orphaned?: number;
}

const [lives, file] = [JSON.parse(process.argv[3]!) as Life[], process.argv[4]!];
const births = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
const { begins = [], ends = [], dies, drains, orphaned } = lives[Math.min(births, lives.length - 1)]!;
const supervisor = supervisorOf(process)!;
if (orphaned !== undefined)
  supervisor.onGone(() => {
    supervisor.tell({ ended: 'nobody hears' });
    process.exit(orphaned);
  });
process.on('SIGTERM', () => drains !== undefined && process.exit(drains));
for (const token of begins) supervisor.tell({ begun: token });
for (const token of ends) supervisor.tell({ ended: token });
setInterval(() => undefined, 1_000);
appendFileSync(file, `${process.pid.toString()}\n`);
if (typeof dies === 'number') process.exit(dies);
if (dies !== undefined) process.kill(process.pid, dies);
