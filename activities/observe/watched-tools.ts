import type { ToolAnswer, ToolDispatcher } from '../tools/tool.ts';
import type { ToolOutcome } from './metrics.ts';
import type { Watchers } from './traces.ts';

/** The same tools; calls are counted and traced, by name and outcome alone: what a model asks for may hold anything. */
export function watchedTools(tools: ToolDispatcher, { metrics, traces }: Watchers): ToolDispatcher {
  return {
    definitions: tools.definitions,
    run: (call, context) => {
      // A name that a model makes up is data, too.
      const name = isName(call.name) ? call.name : 'other';
      const about = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': name };
      return traces.span(`execute_tool ${name}`, about, async (span) => {
        const startedAt = performance.now();
        let outcome: ToolOutcome = 'broken_off';
        try {
          const answer = await tools.run(call, context);
          outcome = outcomeOf(answer);
          return answer;
        } finally {
          span?.set({ 'muster.tool.outcome': outcome });
          metrics.tool({ name, outcome, durationMs: performance.now() - startedAt });
        }
      });
    },
  };
}

const isName = (name: string): boolean => /^[\w-]{1,128}$/.test(name);

function outcomeOf({ denial, isError }: ToolAnswer): ToolOutcome {
  return denial ? 'denied' : isError ? 'error' : 'ok';
}
