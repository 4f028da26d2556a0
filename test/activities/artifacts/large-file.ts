import { openStore } from '../../../activities/artifacts/open-store.ts';

/**
 * A process that stores a file, brings it back, and prints its reference and how much memory it took beside its start.
 */
const [url, into, out] = process.argv.slice(2) as [string, string, string];
const store = await openStore(url);
const before = process.memoryUsage.rss();
let peak = before;
const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
const ref = await store.putFile(into);
await store.getFile(ref, out);
clearInterval(watch);
process.stdout.write(JSON.stringify({ ref, peakBytes: peak - before }));
process.exit(0); // connections are kept alive
