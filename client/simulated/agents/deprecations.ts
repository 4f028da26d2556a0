import type { AgentScript, ReplyBlock, SimulatedRequest, Turn } from '../script.ts';
import { offersTool, toolResults, type ToolResult } from '../transcript.ts';
import { SUSPICIOUS } from './deprecated-apis.ts';
import { reviewFile, type FileReview } from './file-review.ts';
import { readSource, type SourceFile } from './source-files.ts';

/** Calls of one turn, so that an answer stays within what a model would say at once. */
const READS_A_TURN = 6;
const EDITS_A_TURN = 12;
const MAX_FILES = 80;
/** Of one answer, unless the prompt directs otherwise: slow enough to be watched. */
const MEAN_MS = 700;

/**
 * Finds uses of deprecated Node APIs and migrates those that can only mean one thing. It knows what Grep, Read and Edit
 * have answered and nothing else: every turn is worked out again from the transcript.
 */
export const deprecationsAgent: AgentScript = {
  name: 'deprecations',
  matches: ({ prompt, outputSchema, body }) =>
    /\bdeprecated\b[^.]*\bNode\b|\bNode\b[^.]*\bdeprecated\b/i.test(prompt) &&
    ['Grep', 'Read', 'Edit'].every((tool) => offersTool(body, tool)) &&
    Object.hasOwn((outputSchema?.['properties'] ?? {}) as object, 'uses'),
  reply: (turn) => {
    const blocks = next(turn);
    return turn.request.direction.latency ? { blocks } : { blocks, latencyMs: turn.random.logNormal(MEAN_MS, 0.5) };
  },
};

function next({ request }: Turn): ReplyBlock[] {
  const results = toolResults(request.body);
  const found = results.find(({ name }) => name === 'Grep');
  if (!found)
    return [
      { type: 'text', text: 'I look for the lines that may use a deprecated API.' },
      call('Grep', { pattern: SUSPICIOUS, glob: '*.{js,cjs,mjs}' }),
    ];
  if (found.isError) return ending(request, results, [], `The search failed: ${found.text}`);
  const paths = pathsOf(found.text);
  const sources = new Map(paths.slice(0, MAX_FILES).map((path) => [path, readSource(path, results)]));
  const reads = [...sources].flatMap(([path, source]) => (source.state === 'unread' ? [readOf(path, source)] : []));
  if (reads.length > 0) return reads.slice(0, READS_A_TURN);
  const reviews = [...sources].map(([path, source]) => reviewFile(path, source, results));
  const edits = reviews.flatMap(({ pending }) => pending);
  if (edits.length > 0) return edits.slice(0, EDITS_A_TURN).map((input) => call('Edit', input));
  const unseen = paths.length - sources.size;
  return ending(request, results, reviews, unseen > 0 ? `${unseen} more files were not looked at.` : '');
}

/** Lines of a Grep answer that are paths: it also speaks in sentences, and says when it is not all. */
function pathsOf(text: string): string[] {
  return text.split('\n').filter((line) => /^\S.*\.[cm]?js$/.test(line));
}

function readOf(path: string, { nextLine }: Extract<SourceFile, { state: 'unread' }>): ReplyBlock {
  return call('Read', nextLine === 1 ? { file_path: path } : { file_path: path, offset: nextLine });
}

function ending(
  { body }: SimulatedRequest,
  results: readonly ToolResult[],
  reviews: readonly FileReview[],
  remark: string,
): ReplyBlock[] {
  const rejected = results.find(({ name, isError }) => name === 'StructuredOutput' && isError);
  if (rejected || !offersTool(body, 'StructuredOutput'))
    return [{ type: 'text', text: `I cannot report: ${rejected?.text ?? 'there is no StructuredOutput'}` }];
  const uses = reviews.flatMap((review) => review.uses);
  const migratable = uses.filter((use) => use.migratable).length;
  const migrated = uses.filter((use) => use.migrated).length;
  const said =
    uses.length === 0
      ? 'No deprecated API is used.'
      : `${uses.length} uses, ${migratable} can be migrated, ${migrated} are.`;
  const unread = reviews.flatMap(({ path, unreadable }) =>
    unreadable === undefined ? [] : [`${path} (${unreadable})`],
  );
  const skipped = unread.length === 0 ? '' : `Not judged: ${unread.join(', ')}.`;
  return [call('StructuredOutput', { uses, summary: [said, skipped, remark].filter(Boolean).join(' ') })];
}

const call = (name: string, input: unknown): ReplyBlock => ({ type: 'tool_use', name, input });
