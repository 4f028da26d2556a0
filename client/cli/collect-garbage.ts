import { join } from 'node:path';
import { pruneSnapshots } from '../../activities/workspace/snapshot.ts';
import { HOME } from '../../workflows/contract/home.ts';
import { bytes, plural } from './figures.ts';
import type { PlainFormat } from './output-format.ts';
import { withSession } from './session.ts';

/** Blobs younger than this may belong to a fleet that is being written down right now; so may a snapshot's cache. */
const YOUNG_MS = 3_600_000;

/** `muster gc` */
export async function collectGarbage(olderThanMs: number, format: PlainFormat): Promise<void> {
  await withSession({}, async ({ client, stack, terminal }) => {
    let fleets = 0;
    for await (const fleet of client.endedBefore(Date.now() - olderThanMs)) {
      await client.forget(fleet);
      fleets++;
    }
    const freed = await stack.store.collect(Math.min(olderThanMs, YOUNG_MS));
    await pruneSnapshots(join(stack.home, HOME.snapshots), Math.max(olderThanMs, YOUNG_MS));
    if (format === 'json') return terminal.data(`${JSON.stringify({ fleets, ...freed })}\n`);
    terminal.data(`removed ${plural(fleets, 'fleet')} and ${plural(freed.blobs, 'artifact')}, ${bytes(freed.bytes)}\n`);
  });
}
