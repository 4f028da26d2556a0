import { z } from 'zod';
import { SUBAGENT_STATUSES } from './statuses.ts';

const ArtifactRef = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/**
 * What a subagent may do, resolved from preset or rules at submission; rules in Claude Code's language. A pure value:
 * `workflows/policy/permission.ts` decides from it.
 */
export const Grant = z.object({
  allow: z.array(z.string()),
  deny: z.array(z.string()),
  mode: z.enum(['dontAsk', 'plan']),
});
export type Grant = z.infer<typeof Grant>;

/**
 * The files a subagent sees. `bundle` is a git bundle holding one commit whose tree is `tree`; the same tree is always
 * the same workspace. `subdirectory` (posix, '' for the root) is the working directory inside it. null bundle: an empty
 * directory. `repo` instead of `bundle`: cloned by the worker.
 */
export const WorkspaceSource = z.object({
  bundle: ArtifactRef.nullable(),
  tree: z.string(),
  /** `tree` without `.claude/workflows/`, where it has such files: what reuse compares (contracts §2). */
  reuseTree: z.string().optional(),
  subdirectory: z.string(),
  repo: z.object({ url: z.string(), ref: z.string().optional() }).optional(),
  /** Where it was taken from, for people and for `muster apply`; absolute path or URL. */
  origin: z.string(),
  /** What its repository had checked out then: `muster apply` branches off there. */
  commit: z.string().optional(),
});
export type WorkspaceSource = z.infer<typeof WorkspaceSource>;

export const ContextItem = z.object({ name: z.string(), text: z.string() });

/** A command the worker runs once the subagent says it is done; `completed` needs all of them to exit with 0. */
export const Verification = z.object({ name: z.string(), run: z.string(), timeoutMs: z.int() });
export type Verification = z.infer<typeof Verification>;

/**
 * An MCP server as a fleet declares it. Values are literal: only the operator's own declarations, which never leave the
 * worker's host, may name variables of the worker's environment.
 */
export const McpServer = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('stdio'),
    command: z.string(),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
  }),
  z.object({ type: z.literal('http'), url: z.string(), headers: z.record(z.string(), z.string()) }),
]);
export type McpServer = z.infer<typeof McpServer>;

/** One subagent, resolved: every default applied, every path checked. What the manifest holds. */
export const Task = z.object({
  label: z.string(),
  prompt: z.string(),
  context: z.array(ContextItem),
  workspace: WorkspaceSource,
  permissions: Grant,
  model: z.string(),
  effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).optional(),
  thinking: z.enum(['adaptive', 'disabled']).optional(),
  timeoutMs: z.int(),
  stallTimeoutMs: z.int(),
  maxTurns: z.int().optional(),
  maxBudgetMicroUsd: z.int().optional(),
  outputSchema: z.record(z.string(), z.unknown()).optional(),
  /** Goes on in place of `model` when that is overloaded again and again, or refuses. */
  fallbackModel: z.string().optional(),
  /** The whole environment of its shell besides PATH, HOME and LANG. Never secrets: refused at submission. */
  env: z.record(z.string(), z.string()).optional(),
  /** Names, sorted; of the manifest's declarations, else of the worker's operator. */
  mcpServers: z.array(z.string()).optional(),
  verify: z.array(Verification).optional(),
  /** Fresh starts after a failed verification or schema: `escalate[k]` is the model of try k + 2, the last one stays. */
  retry: z.object({ maxAttempts: z.int(), escalate: z.array(z.string()) }).optional(),
  /** A definition of `.claude/agents/`, as read at submission; its tools and model are already in the keys above. */
  agent: z.object({ name: z.string(), prompt: z.string() }).optional(),
  /** CLAUDE.md of the workspace stands in the first message. */
  projectMemory: z.boolean().optional(),
  /** Manifest indexes; of a spawned one, as stored, offsets in its request. */
  dependsOn: z.array(z.int()),
  /** k for the k-th equal task of the fleet, from 0 (contracts §2, reuse). */
  occurrence: z.int(),
  /** Among whose tasks occurrences are counted, where that is not the fleet: label of the Claude that spawned it. */
  occurrenceOf: z.string().optional(),
  /** Of a spawned one: who spawned it. Its results are listed after that one's. */
  parent: z.object({ index: z.int(), label: z.string() }).optional(),
  /** How far below a task of the plan it stands; absent: 0, a script's own are 1. */
  depth: z.int().optional(),
  /** Progress group of a script. */
  phase: z.string().optional(),
  /** From 1; absent: the fleet has no waves. */
  wave: z.int().optional(),
});
export type Task = z.infer<typeof Task>;

/** What `agent()` of a script, and a task of `--prompt`, has where it says nothing else. */
export const TaskDefaults = Task.pick({
  workspace: true,
  permissions: true,
  model: true,
  timeoutMs: true,
  stallTimeoutMs: true,
  effort: true,
});
export type TaskDefaults = z.infer<typeof TaskDefaults>;

/** A definition of `.claude/agents/` as found at submission. `tools` absent: all that is granted. */
export const AgentDefinition = z.object({
  name: z.string(),
  prompt: z.string(),
  tools: z.array(z.string()).optional(),
  model: z.string().optional(),
});
export type AgentDefinition = z.infer<typeof AgentDefinition>;

/** A workflow script and all it may need: nothing is read from the user's disk any more once the fleet has started. */
export const ScriptPlan = z.object({
  name: z.string(),
  /** Text of the file. */
  source: ArtifactRef,
  /** As errors name it. */
  file: z.string(),
  /** JSON; absent: `undefined`. */
  args: ArtifactRef.optional(),
  /** Texts of saved scripts `workflow()` may run: by name, and by the path it may be given as `scriptPath`. */
  saved: z.record(z.string(), ArtifactRef),
  defaults: TaskDefaults,
  /** The model of `defaults` is that of every subagent, whatever a call or a definition names. */
  isModelForced: z.boolean().optional(),
  /** What `permissions` of a call must lie within; absent: nothing was said. */
  ceiling: Grant.optional(),
  agents: z.array(AgentDefinition),
});
export type ScriptPlan = z.infer<typeof ScriptPlan>;

/** Root of a fleet's manifest; tasks in pages, read in ranges. */
export const Manifest = z.object({
  v: z.literal(1),
  fleetId: z.string(),
  name: z.string(),
  count: z.int(),
  hasGraph: z.boolean(),
  simulated: z.boolean(),
  /** Fingerprint of Claude's endpoint and credential; part of the reuse key as `simulated` or the endpoint's host. */
  endpoint: z.string(),
  reuse: z.enum(['auto', 'always', 'never']),
  pages: z.array(z.object({ ref: ArtifactRef, from: z.int(), count: z.int() })),
  /** MCP servers the fleet declares itself, by name. */
  mcpServers: z.record(z.string(), McpServer).optional(),
  /** How deep spawned subagents may stand; absent: `DEFAULT_MAX_DEPTH`. */
  maxDepth: z.int().optional(),
  script: ScriptPlan.optional(),
  /** Definitions that subagents which spawn may name in `agent`; those of a script stand in it. */
  agents: z.array(AgentDefinition).optional(),
  /** Hash of the file the fleet was made from, and of what it names: part of what an approval is of. */
  planHash: z.string().optional(),
});
export type Manifest = z.infer<typeof Manifest>;

/** Record `fleets/<id>/fleet`: written once at submission, its `generation` raised by a retry of a closed fleet. */
export const FleetRecord = z.object({
  v: z.literal(1),
  id: z.string(),
  name: z.string(),
  manifest: ArtifactRef,
  count: z.int(),
  createdAtMs: z.int(),
  generation: z.int(),
  simulated: z.boolean(),
  agentsQueue: z.string(),
  /** Absolute path or '-' of the file run; for people. */
  source: z.string(),
  idempotencyKey: z.string().optional(),
  /** Which schedule made it, and the run of the firing that did. */
  schedule: z.object({ name: z.string(), firing: z.string() }).optional(),
  /** Of the newest generation; with the two below all that its start needs when Temporal has forgotten the fleet. */
  startedAtMs: z.int(),
  maxTimeoutMs: z.int(),
  /** As last set by a person. */
  limits: z.object({
    concurrency: z.int(),
    budgetMicroUsd: z.int().nullable(),
    sliceMicroUsd: z.int(),
    failIf: z.object({ rate: z.number().exactOptional(), count: z.int().exactOptional() }).nullable(),
    maxTotalAgents: z.int().exactOptional(),
  }),
  /** What its parent is; absent: a plan. */
  kind: z.enum(['prompt', 'script']).optional(),
  /** Whose it is, and Temporal's priority, 1 to 5: how its work takes turns with that of others. */
  team: z.string().exactOptional(),
  priority: z.int().exactOptional(),
  rollout: z
    .object({
      waves: z.int(),
      gate: z
        .object({
          minCompleted: z.number().exactOptional(),
          minVerified: z.number().exactOptional(),
          maxCostPerTargetMicroUsd: z.int().exactOptional(),
          approval: z.boolean().exactOptional(),
        })
        .nullable(),
      stopOnFailureRate: z.number().nullable(),
    })
    .optional(),
});
export type FleetRecord = z.infer<typeof FleetRecord>;

/**
 * What any number of fleets can be made from: all of a fleet but its id, its times and what is said of one alone. Its
 * manifest is theirs but for the fleet's id.
 */
export const FleetDraft = z.object({
  v: z.literal(1),
  fleet: FleetRecord.omit({
    ...{ id: true, createdAtMs: true, startedAtMs: true, generation: true, idempotencyKey: true, schedule: true },
  }),
  /** The letters it starts with, where some targets are not eligible. */
  units: z.string().exactOptional(),
});
export type FleetDraft = z.infer<typeof FleetDraft>;

export const Usage = z.object({
  input_tokens: z.int(),
  output_tokens: z.int(),
  cache_creation_input_tokens: z.int(),
  cache_read_input_tokens: z.int(),
});
export type Usage = z.infer<typeof Usage>;

export const Denial = z.object({ tool: z.string(), input: z.record(z.string(), z.unknown()), reason: z.string() });
export type Denial = z.infer<typeof Denial>;

export const Changes = z.object({
  files: z.array(z.string()),
  insertions: z.int(),
  deletions: z.int(),
  patch: ArtifactRef,
});
export type Changes = z.infer<typeof Changes>;

/** How one verification ended. `exit_code` null: it was ended (its time, output or memory was up). */
export const Verified = z.object({
  name: z.string(),
  ok: z.boolean(),
  exit_code: z.int().nullable(),
  duration_ms: z.int(),
  /** The end of what it printed, of the newest run. */
  tail: z.string().optional(),
  /** All it printed, where it failed. */
  log: ArtifactRef.optional(),
});
export type Verified = z.infer<typeof Verified>;

/** Something about the changes a reviewer should look at: it does not change the status. */
export const GuardFinding = z.object({
  guard: z.enum(['tests_skipped', 'tests_deleted', 'ci_weakened', 'lint_weakened', 'outside_scope', 'secret_added']),
  file: z.string(),
  detail: z.string(),
});
export type GuardFinding = z.infer<typeof GuardFinding>;

/** One per subagent (contracts §2); keys as users see them. `partial`: it did not end its own turn. */
export const Result = z.object({
  label: z.string(),
  parent: z.string().optional(),
  status: z.enum(SUBAGENT_STATUSES),
  output: z.string().nullable(),
  structured_output: z.unknown().optional(),
  raw_output: z.string().optional(),
  schema_errors: z.array(z.string()).optional(),
  error: z.object({ type: z.string(), message: z.string() }).optional(),
  partial: z.boolean().optional(),
  changes: Changes.optional(),
  verify: z.array(Verified).optional(),
  guards: z.array(GuardFinding).optional(),
  model: z.string(),
  num_turns: z.int(),
  usage: Usage,
  total_cost_usd: z.number(),
  /** Share of `total_cost_usd` for calls whose answer was lost. */
  rework_cost_usd: z.number(),
  duration_ms: z.int(),
  attempts: z.int(),
  permission_denials: z.array(Denial),
  reused_from: z.string().optional(),
  simulated: z.boolean().optional(),
  transcript: ArtifactRef.optional(),
  /** When it ended, epoch milliseconds: the order of arrival. */
  ended_at_ms: z.int(),
});
export type Result = z.infer<typeof Result>;
