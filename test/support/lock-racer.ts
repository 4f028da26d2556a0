import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { withLock } from '../../client/local/lock.ts';

/**
 * LOCK COUNTER N: adds one to the number in COUNTER, N times, each under the lock, in a way that loses counts whenever
 * two hold it. LOCK: says `held` and keeps the lock until it is killed.
 */
const [lock = '', counter, times = '0'] = process.argv.slice(2);
if (counter === undefined) {
  await withLock(lock, async () => {
    console.log('held');
    await delay(60_000);
  });
} else {
  for (let i = 0; i < Number(times); i++) {
    await withLock(lock, async () => {
      const count = Number(readFileSync(counter, 'utf8'));
      await delay(1);
      writeFileSync(counter, String(count + 1));
    });
  }
}
