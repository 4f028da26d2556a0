import type { CallOptions, Claude, ClaudeAnswer, ClaudeCall, Verdict } from '../claude/claude.ts';
import type { CallFailure } from './metrics.ts';
import type { Watchers } from './traces.ts';

/** The same Claude; its calls are counted and traced. `host`: of its endpoint. */
export function watchedClaude(claude: Claude, { metrics, traces, host }: Watchers & { host: string }): Claude {
  const watched = (kind: 'call' | 'compact') => (call: ClaudeCall, options: CallOptions) => {
    const about = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.system': 'anthropic',
      'gen_ai.request.model': call.model,
      'gen_ai.request.max_tokens': call.maxTokens,
      'server.address': host,
    };
    return traces.span(`chat ${call.model}`, about, async (span) => {
      const startedAt = performance.now();
      metrics.callsUnderWay(1);
      try {
        const answer = await claude[kind](call, options);
        span?.set(told(answer));
        const { usage, costMicroUsd } = answer;
        const durationMs = performance.now() - startedAt;
        metrics.callAnswered({ model: call.model, isTurn: kind === 'call', usage, costMicroUsd, durationMs });
        return answer;
      } catch (error) {
        const why = failureOf(error);
        if (why !== undefined) {
          span?.set({ 'error.type': why });
          metrics.callFailed({ model: call.model, host, why });
        }
        throw error;
      } finally {
        metrics.callsUnderWay(-1);
      }
    });
  };
  return {
    async admit(call, options) {
      const startedAt = performance.now();
      metrics.callsWaiting(1);
      try {
        const admission = await claude.admit(call, options);
        metrics.callAdmitted(performance.now() - startedAt);
        return admission;
      } finally {
        metrics.callsWaiting(-1);
      }
    },
    call: watched('call'),
    compact: watched('compact'),
  };
}

function told({ usage, stopReason, requestId }: ClaudeAnswer): Record<string, string | number | string[]> {
  return {
    'gen_ai.usage.input_tokens': usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens,
    'gen_ai.usage.output_tokens': usage.output_tokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cache_read_input_tokens,
    'gen_ai.usage.cache_creation.input_tokens': usage.cache_creation_input_tokens,
    'gen_ai.response.finish_reasons': [stopReason],
    ...(requestId !== null && { 'gen_ai.response.id': requestId }),
  };
}

/** By the verdict of a `ClaudeTrouble`; undefined for what is no failure of the call, such as a cancel. */
function failureOf(error: unknown): CallFailure | undefined {
  if (!(error instanceof Error) || !('verdict' in error)) return undefined;
  const verdict = error.verdict as Verdict;
  if (verdict.act === 'fatal') return 'fatal';
  if (verdict.act === 'pause') return verdict.reason === 'authentication' ? 'authentication' : 'usage_limit';
  if (!verdict.isRefusal) return 'broken';
  return verdict.isOverload ? 'overload' : 'rate_limit';
}
