import type { SubagentRecord } from '../../workflows/contract/record.schema.ts';
import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { Changes, GuardFinding, Result, Task } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import type { Message } from '../claude/claude.ts';
import { redactDeep, type Redact } from '../observe/redaction.ts';
import type { Ending } from './ending.ts';
import { modelOf } from './model-choice.ts';
import { textOf } from './prompt.ts';

export interface ResultOf {
  task: Task;
  isSimulated: boolean;
  record: SubagentRecord;
  messages: readonly Message[];
  ending: Ending;
  changes: Changes | undefined;
  guards?: readonly GuardFinding[];
  transcript: ArtifactRef | undefined;
}

/** What a subagent leaves, as users see it (contracts §2); secrets in it are hidden. */
export function buildResult(of: ResultOf, redact: Redact): Result {
  const { task, record, ending, changes, guards = [], transcript } = of;
  const said = {
    output: lastText(of.messages),
    ...(ending.structuredOutput !== undefined && { structured_output: ending.structuredOutput }),
    ...(ending.rawOutput !== undefined && { raw_output: ending.rawOutput }),
    ...(ending.schemaErrors && { schema_errors: ending.schemaErrors }),
    ...(ending.error && { error: ending.error }),
    permission_denials: record.denials,
  };
  return {
    label: task.label,
    ...(task.parent && { parent: task.parent.label }),
    status: ending.status,
    ...(redactDeep(said, redact) as typeof said),
    ...(ending.status !== 'completed' && record.turns > 0 && { partial: true }),
    ...(changes && { changes }),
    ...(record.verify && { verify: record.verify }),
    ...(guards.length > 0 && { guards: [...guards] }),
    model: modelOf(task, record),
    num_turns: record.turns,
    usage: record.usage,
    total_cost_usd: record.costMicroUsd / MICRO_USD,
    rework_cost_usd: record.reworkMicroUsd / MICRO_USD,
    duration_ms: Math.max(0, Date.now() - record.startedAtMs),
    attempts: record.attempts,
    ...(of.isSimulated && { simulated: true }),
    ...(transcript && { transcript }),
    ended_at_ms: Date.now(),
  };
}

/** What the model said last; while it only called tools, nothing. */
function lastText(messages: readonly Message[]): string | null {
  for (const { role, content } of messages.toReversed()) {
    if (role !== 'assistant') continue;
    const text = textOf(content);
    if (text !== null) return text;
  }
  return null;
}
