import { openStore } from '../../../activities/artifacts/open-store.ts';
import { RecordConflict } from '../../../activities/artifacts/store.ts';

/** A process that raises the counter in one record `times` times, against whoever else does; prints its conflicts. */
const [url, key, times] = process.argv.slice(2) as [string, string, string];
const store = await openStore(url);
let conflicts = 0;
for (let done = 0; done < Number(times);) {
  const found = await store.readRecord(key);
  const count = found === undefined ? 0 : (found.value as { count: number }).count;
  try {
    await store.writeRecord(key, { count: count + 1, padding: 'x'.repeat(1000) }, found?.version ?? 0);
    done++;
  } catch (error) {
    if (!(error instanceof RecordConflict)) throw error;
    conflicts++;
  }
}
process.stdout.write(conflicts.toString());
