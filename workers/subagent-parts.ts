import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rgPath } from '@vscode/ripgrep';
import type { FleetRecords } from '../activities/artifacts/fleet-records.ts';
import type { ArtifactStore } from '../activities/artifacts/store.ts';
import { createClaude } from '../activities/claude/client.ts';
import { compacted, compactionBlock } from '../activities/claude/compaction.ts';
import { endpointHost, type Endpoint } from '../activities/claude/endpoint.ts';
import { createProviderLimits } from '../activities/claude/limits/provider-limits.ts';
import { withoutThinking } from '../activities/claude/model-switch.ts';
import * as prices from '../activities/claude/prices.ts';
import { createEgress } from '../activities/egress/broker.ts';
import type { Egress } from '../activities/egress/egress.ts';
import type { Log } from '../activities/observe/log.ts';
import { NO_METRICS } from '../activities/observe/metrics.ts';
import { createRedactor } from '../activities/observe/redaction.ts';
import { NO_TRACES, type Watchers } from '../activities/observe/traces.ts';
import { watchedClaude } from '../activities/observe/watched-claude.ts';
import { watchedSandboxes } from '../activities/observe/watched-sandboxes.ts';
import { watchedTools } from '../activities/observe/watched-tools.ts';
import { createMcpServers } from '../activities/mcp/servers.ts';
import { createSandboxes } from '../activities/sandbox/sandboxes.ts';
import type { SubagentParts } from '../activities/subagent/parts.ts';
import { createToolDispatcher } from '../activities/tools/dispatcher.ts';
import { createSpawningTools } from '../activities/tools/spawning-tools.ts';
import { structuredOutputDefinition, validateOutput } from '../activities/tools/structured-output.ts';
import { withoutControls } from '../activities/tools/text.ts';
import { workspaceText } from '../activities/tools/workspace-text.ts';
import { createWebFetchTool } from '../activities/tools/web-fetch.ts';
import { ownName } from '../activities/workspace/owner.ts';
import { patchChanges } from '../activities/workspace/patch.ts';
import { createWorkspaces } from '../activities/workspace/workspaces.ts';
import { HOME } from '../workflows/contract/home.ts';
import type { WorkerConfig } from './config.ts';
import { openSpawning } from './spawning-parts.ts';

export interface PartsOptions extends Pick<
  WorkerConfig,
  'home' | 'sandbox' | 'sandboxReadOnlyPaths' | 'egressInternal' | 'mcpServers' | 'secrets'
> {
  claude: Endpoint;
  store: ArtifactStore;
  records: FleetRecords;
  log: Log;
  /** Left out: nobody is told what happens here. */
  watchers?: Watchers;
  /** As in `WorkspacesOptions`. */
  cacheBytes?: number | undefined;
  /** Left out: by the host's network and name service. Whoever gives one closes it. */
  egress?: Egress;
}

/** Longest path of a unix socket, its final zero left out (unix(7)), less what the broker adds to its directory. */
const SOCKET_DIRECTORY_CHARS = 107 - 20;

/** Everything subagents work with in this process. `close` ends what it has started: sandboxes, servers, proxies. */
export async function openSubagentParts(
  options: PartsOptions,
): Promise<SubagentParts & { close: () => Promise<void> }> {
  const { home, store, records, log, claude, egressInternal, secrets } = options;
  const watchers = options.watchers ?? { metrics: NO_METRICS, traces: NO_TRACES };
  const { metrics } = watchers;
  const directory = join(home, HOME.workspaces);
  const workspaces = createWorkspaces({
    directory,
    store,
    cacheBytes: options.cacheBytes,
    onFetched: (ms) => metrics.cloned(ms),
  });
  const sockets = await socketDirectory(directory);
  const egress = options.egress ?? createEgress({ internal: egressInternal, log });
  const redact = createRedactor(secrets);
  const spawning = openSpawning({ store, records });
  const sandboxes = createSandboxes({ isolation: options.sandbox, readOnlyPaths: options.sandboxReadOnlyPaths, log });
  const mcp = createMcpServers({
    operator: options.mcpServers,
    store,
    confine: (program) => sandboxes.confine(program),
    egress,
    log,
  });
  return {
    store,
    records,
    claude: watchedClaude(createClaude({ ...claude, log, limits: createProviderLimits({ log }) }), {
      ...watchers,
      host: endpointHost(claude.baseUrl),
    }),
    prices,
    conversations: { withoutThinking, compactionBlock, compacted },
    tools: watchedTools(
      createToolDispatcher({
        ripgrep: rgPath,
        log,
        webFetch: createWebFetchTool(egress),
        spawning: createSpawningTools(spawning.taskSchema),
        redact,
      }),
      watchers,
    ),
    spawning,
    structuredOutput: { definition: structuredOutputDefinition, validate: validateOutput },
    workspaces,
    files: { read: workspaceText },
    sandboxes: watchedSandboxes(sandboxes, metrics),
    egress,
    socketDirectory: sockets,
    mcp,
    changesOf: (patch) => patchChanges(store, patch),
    redact,
    plainText: withoutControls,
    log,
    metrics,
    async close() {
      await Promise.all([sandboxes.close(), mcp.close()]);
      if (!options.egress) await egress.close();
      await rm(sockets, { recursive: true, force: true });
    },
  };
}

/** Below what is swept when this worker has died; elsewhere only if the home's own path is too long for a socket. */
async function socketDirectory(workspaces: string): Promise<string> {
  const directory = join(workspaces, 'owners', ownName(), 's');
  if (directory.length > SOCKET_DIRECTORY_CHARS) return mkdtemp(join(tmpdir(), 'muster-'));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return directory;
}
