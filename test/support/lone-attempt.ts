import { join } from 'node:path';
import { DiskStore } from '../../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { createLog } from '../../activities/observe/log.ts';
import { runSubagent } from '../../activities/subagent/run-subagent.ts';
import type { UnitRef } from '../../workflows/contract/units.ts';
import { openSubagentParts } from '../../workers/subagent-parts.ts';

/** One attempt in a process of its own, which a test may kill as a worker dies: `lone-attempt.ts HOME URL KEY UNIT`. */
const [home, baseUrl, apiKey, unit] = process.argv.slice(2) as [string, string, string, string];
const store = await DiskStore.open(join(home, 'artifacts'));
const parts = await openSubagentParts({
  home,
  claude: { baseUrl, apiKey },
  sandbox: 'bubblewrap',
  sandboxReadOnlyPaths: [],
  egressInternal: [],
  mcpServers: {},
  secrets: [apiKey],
  store,
  records: new FleetRecords(store),
  log: createLog('silent'),
});
await runSubagent(parts, {
  unit: JSON.parse(unit) as UnitRef,
  attempt: 1,
  back: new AbortController().signal,
  onCheckpoint: () => undefined,
});
await parts.close();
