import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { MICRO_USD } from '../../workflows/contract/limits.ts';
import { BoundedLabel } from './bounded-label.ts';
import type { Metrics } from './metrics.ts';

/** The price table and an operator's additions to it hold fewer. */
const MOST_MODELS = 40;
/** One worker serves one endpoint. */
const MOST_HOSTS = 5;
/** Our own and those of the contract; what a model makes up is `other`, tools of MCP servers are `mcp`. */
const TOOLS: ReadonlySet<string> = new Set([
  ...['Read', 'Write', 'Edit', 'Glob', 'Grep', 'Bash', 'WebFetch'],
  ...['spawn_subagents', 'collect_subagents', 'read_result'],
]);

const CALL_SECONDS = [0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300];
const WAIT_SECONDS = [0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 120];
const SUBAGENT_SECONDS = [1, 5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200];
const TOOL_SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300];
const STORE_SECONDS = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const CLONE_SECONDS = [0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/**
 * The metrics of a worker in `registry`, by the names of the README's table; call it once for a registry. Those that
 * count by a status, an outcome or a reason stand at zero from the start, so that a first failure is an increase and
 * not a gap.
 */
export function createMetrics(registry: Registry): Metrics {
  const to = { registers: [registry] };
  const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
    new Counter({ name, help, labelNames, ...to });
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge({ name, help, labelNames, ...to });
  const histogram = <L extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly L[] = [],
  ): Histogram<L> => new Histogram({ name, help, buckets, labelNames, ...to });

  const ends = counter('fleet_subagents', 'Subagents that have ended in this worker.', ['status']);
  const subagentSeconds = histogram(
    'fleet_subagent_duration_seconds',
    'From the first attempt to the end of a subagent, waits included.',
    SUBAGENT_SECONDS,
  );
  const attempts = counter('fleet_subagent_attempts_total', 'Attempts at subagents, by how they came back.', [
    'outcome',
  ]);
  const parks = counter('fleet_subagent_parks_total', 'Subagents that gave their permit back.', ['reason']);
  const reuses = counter('fleet_reuse_requests_total', 'Looks for an earlier result of an equal task.', ['result']);
  const verifyFailures = counter('fleet_verify_failures_total', 'Checks of subagents that failed.');
  const cloneSeconds = histogram(
    'fleet_git_clone_duration_seconds',
    'Fetches of a commit from a git remote; one that is here already is none.',
    CLONE_SECONDS,
  );
  const turns = counter('fleet_turns_total', 'Model calls that were answered.', ['model']);
  const cost = counter('fleet_cost_usd_total', 'Cost of answered model calls by the price table, in US dollars.', [
    'model',
  ]);
  const tokens = counter('fleet_tokens_total', 'Tokens of answered model calls.', ['type', 'model']);
  const callSeconds = histogram(
    'fleet_model_call_duration_seconds',
    'Model calls that were answered, from the request to the end of the answer.',
    CALL_SECONDS,
    ['model'],
  );
  const callFailures = counter('fleet_model_call_failures_total', 'Model calls that brought no answer.', [
    'model',
    'reason',
  ]);
  const refusals = counter('fleet_host_rate_limited_total', 'Model calls that the provider refused.', ['host', 'kind']);
  const calls = gauge('fleet_model_calls', 'Model calls that wait for the provider’s limits, and that are under way.', [
    'state',
  ]);
  const waitSeconds = histogram(
    'fleet_model_call_wait_seconds',
    'Waits of model calls for the provider’s limits; their count is what was admitted.',
    WAIT_SECONDS,
  );
  const toolSeconds = histogram('fleet_tool_duration_seconds', 'Tool calls.', TOOL_SECONDS, ['tool', 'outcome']);
  const sandboxes = gauge('fleet_sandboxes', 'Sandboxes that are open.');
  const commandSeconds = histogram('fleet_sandbox_command_duration_seconds', 'Commands in sandboxes.', TOOL_SECONDS, [
    'ended_by',
  ]);
  const storeSeconds = histogram('fleet_store_duration_seconds', 'Operations of the artifact store.', STORE_SECONDS, [
    'operation',
    'outcome',
  ]);

  for (const status of ['completed', 'failed', 'timed_out', 'budget_reached', 'stopped', 'skipped', 'not_attempted'])
    ends.inc({ status }, 0);
  for (const outcome of ['ended', 'parked', 'busy', 'overtaken', 'broken']) attempts.inc({ outcome }, 0);
  for (const reason of ['drain', 'budget', 'limit', 'spawn']) parks.inc({ reason }, 0);
  for (const result of ['hit', 'miss']) reuses.inc({ result }, 0);
  for (const state of ['waiting', 'under_way']) calls.set({ state }, 0);

  const models = new BoundedLabel(MOST_MODELS);
  const hosts = new BoundedLabel(MOST_HOSTS);
  return {
    subagentEnded({ status, duration_ms }) {
      ends.inc({ status });
      subagentSeconds.observe(duration_ms / 1_000);
    },
    attempt: (outcome) => attempts.inc({ outcome }),
    parked: (reason) => parks.inc({ reason }),
    reuse: (result) => reuses.inc({ result }),
    verifyFailed: () => verifyFailures.inc(),
    cloned: (durationMs) => cloneSeconds.observe(durationMs / 1_000),
    callsWaiting: (change) => calls.inc({ state: 'waiting' }, change),
    callsUnderWay: (change) => calls.inc({ state: 'under_way' }, change),
    callAdmitted: (waitedMs) => waitSeconds.observe(waitedMs / 1_000),
    callAnswered({ isTurn, usage, costMicroUsd, durationMs, ...call }) {
      const model = models.of(call.model);
      if (isTurn) turns.inc({ model });
      cost.inc({ model }, costMicroUsd / MICRO_USD);
      tokens.inc({ type: 'input', model }, usage.input_tokens);
      tokens.inc({ type: 'output', model }, usage.output_tokens);
      tokens.inc({ type: 'cache_read', model }, usage.cache_read_input_tokens);
      tokens.inc({ type: 'cache_write', model }, usage.cache_creation_input_tokens);
      callSeconds.observe({ model }, durationMs / 1_000);
    },
    callFailed({ model, host, why }) {
      callFailures.inc({ model: models.of(model), reason: why });
      if (why !== 'broken' && why !== 'fatal') refusals.inc({ host: hosts.of(host), kind: why });
    },
    tool: ({ name, outcome, durationMs }) =>
      toolSeconds.observe({ tool: toolLabel(name), outcome }, durationMs / 1_000),
    sandboxCommand: ({ endedBy = 'exit', durationMs }) =>
      commandSeconds.observe({ ended_by: endedBy }, durationMs / 1_000),
    sandboxes: (change) => sandboxes.inc(change),
    store: ({ operation, outcome, durationMs }) => storeSeconds.observe({ operation, outcome }, durationMs / 1_000),
  };
}

function toolLabel(name: string): string {
  if (TOOLS.has(name)) return name;
  return name.startsWith('mcp__') ? 'mcp' : 'other';
}
