import { FAILURES } from '../../../workflows/contract/failures.ts';
import type { OnNull } from '../agent-options.ts';
import type { AgentResult } from '../protocol.ts';

export interface AgentWait {
  kind: 'agent' | 'agentResult';
  hasSchema: boolean;
  onNull: OnNull;
}

/** What `agent()` comes to: a value, or an error's message (workflow-scripts.md §2). */
export type Settled = { value: unknown } | { message: string };

export function settled(wait: AgentWait, result: AgentResult): Settled {
  const { kind, hasSchema, onNull } = wait;
  if (kind === 'agentResult' || onNull === 'result') return { value: result };
  if (result['status'] === 'completed')
    return { value: hasSchema ? (result['structured_output'] ?? null) : (result['output'] ?? '') };
  const error = result['error'] as { type?: string; message?: string } | undefined;
  if (error?.type === FAILURES.schemaMismatch) {
    const errors = result['schema_errors'] as string[] | undefined;
    return { message: errors?.at(-1) ?? error.message ?? error.type };
  }
  if (onNull === 'null') return { value: null };
  const why = error === undefined ? '' : `: ${error.message ?? error.type ?? ''}`;
  return { message: `${String(result['label'])} ${String(result['status'])}${why}` };
}
