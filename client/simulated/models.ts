import { findModel, knownModels, modelFacts, type Effort } from '../../activities/claude/prices.ts';
import { Problem } from './problem.ts';

const EFFORTS: readonly Effort[] = ['low', 'medium', 'high', 'xhigh', 'max'];

/** `GET /v1/models`: every model of the price table, on one page. */
export function modelList(): unknown {
  const data = knownModels().map(modelInfo);
  return { data, has_more: false, first_id: knownModels()[0] ?? null, last_id: knownModels().at(-1) ?? null };
}

/** `GET /v1/models/<id>`. Throws a 404 for one that is not known. */
export function modelInfo(id: string): unknown {
  if (!findModel(id)) throw new Problem(404, 'not_found_error', `model: ${id}`);
  const facts = modelFacts(id);
  return {
    type: 'model',
    id,
    display_name: `Claude ${id.replace(/^claude-/, '').replaceAll('-', ' ')} (simulated)`,
    created_at: '1970-01-01T00:00:00Z',
    deprecated_at: null,
    lifecycle: 'active',
    line: /^claude-([a-z]+)-/.exec(id)?.[1] ?? null,
    max_input_tokens: facts.contextTokens,
    max_tokens: facts.maxOutputTokens,
    capabilities: {
      compaction: { supported: facts.compacts, summarize: { supported: facts.compacts } },
      context_management: { supported: true, clear_tool_uses_20250919: { supported: true } },
      effort: {
        supported: facts.efforts.length > 0,
        ...Object.fromEntries(EFFORTS.map((effort) => [effort, { supported: facts.efforts.includes(effort) }])),
      },
      thinking: {
        supported: facts.thinking.includes('adaptive'),
        types: { adaptive: { supported: facts.thinking.includes('adaptive') }, enabled: { supported: false } },
      },
    },
  };
}
