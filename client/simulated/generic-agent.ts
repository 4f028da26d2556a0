import { schemaInstance } from './schema-instance.ts';
import type { AgentScript, ReplyBlock, Turn } from './script.ts';
import { offersTool, toolResults, type ToolResult } from './transcript.ts';

/**
 * Answers any prompt: looks around (Glob, two Reads of files it found), takes the steps its prompt directs, and ends with a
 * sentence marked `[simulated]`, or with an instance of the output schema.
 */
export const genericAgent: AgentScript = {
  name: 'generic',
  matches: () => true,
  reply: (turn) => {
    const blocks = toolCalls(turn) ?? ending(turn);
    return turn.request.direction.tokens === undefined
      ? { blocks }
      : { blocks, usage: { output_tokens: turn.request.direction.tokens } };
  },
};

const LOOKING_TURNS = 2;
/** Whoever asks for an output alone, to have one repaired for instance, gets it without a look around. */
const IS_ASKED_TO_HAND_OVER = /\bCall StructuredOutput\b/;

/** Tool calls of this turn, or undefined when it is the agent's last. Steps come right before the end. */
function toolCalls(turn: Turn): ReplyBlock[] | undefined {
  const { steps, turns } = turn.request.direction;
  if (IS_ASKED_TO_HAND_OVER.test(turn.request.prompt)) return undefined;
  const wanted = turns ?? (steps.length > 0 ? steps.length + 1 : LOOKING_TURNS + 1);
  const toolTurns = Math.max(wanted - 1, steps.length > 0 ? 1 : 0);
  if (turn.number > toolTurns) return undefined;
  const lookingTurns = Math.max(0, toolTurns - steps.length);
  if (turn.number <= lookingTurns) return looking(turn);
  const share = steps.length / (toolTurns - lookingTurns);
  const nth = turn.number - lookingTurns;
  const mine = steps.slice(Math.floor((nth - 1) * share), Math.floor(nth * share));
  return mine.map(({ name, input }) => ({ type: 'tool_use', name, input }));
}

function looking(turn: Turn): ReplyBlock[] | undefined {
  const { body } = turn.request;
  const results = toolResults(body);
  const files = filesFound(results);
  const readPaths = results.flatMap(({ name, input }) => (name === 'Read' ? [pathOf(input)] : []));
  if (files.length === 0 || !offersTool(body, 'Read')) {
    if (!offersTool(body, 'Glob')) return undefined;
    return [
      { type: 'thinking', thinking: `What is here? ${turn.random.int(0, 999)}` },
      { type: 'tool_use', name: 'Glob', input: { pattern: turn.number === 1 ? '**/*' : '*' } },
    ];
  }
  const unread = files.filter((file) => !readPaths.includes(file));
  const first = turn.random.pick(unread.length > 0 ? unread : files);
  const second = readPaths.length > 0 ? undefined : unread.filter((file) => file !== first);
  const chosen = second !== undefined && second.length > 0 ? [first, turn.random.pick(second)] : [first];
  return chosen.map((file) => ({ type: 'tool_use', name: 'Read', input: { file_path: file } }));
}

function ending({ request, random }: Turn): ReplyBlock[] {
  const { body, outputSchema, direction } = request;
  const results = toolResults(body);
  const isAccepted = results.some(({ name, isError }) => name === 'StructuredOutput' && !isError);
  if (outputSchema !== undefined && !isAccepted && offersTool(body, 'StructuredOutput')) {
    const input = direction.structured ?? schemaInstance(outputSchema, random);
    return [{ type: 'tool_use', name: 'StructuredOutput', input }];
  }
  return [{ type: 'text', text: direction.output ?? `[simulated] ${report(results)}` }];
}

function report(results: readonly ToolResult[]): string {
  const files = filesFound(results);
  const read = results.filter(({ name, isError }) => name === 'Read' && !isError).map(({ input }) => pathOf(input));
  if (read.length === 0) return 'I looked around and have nothing to report.';
  return `I read ${[...new Set(read)].join(' and ')} of ${files.length} files and have nothing to report.`;
}

/** Lines of Glob results that look like paths: no space at the ends, no sentence. */
function filesFound(results: readonly ToolResult[]): string[] {
  return results
    .filter(({ name, isError }) => name === 'Glob' && !isError)
    .flatMap(({ text }) => text.split('\n'))
    .filter((line) => /^[^\s(][^\n]*$/.test(line) && !/[.:)]$|\.\.\.|^No /.test(line));
}

function pathOf(input: unknown): string {
  const path = typeof input === 'object' && input !== null && 'file_path' in input ? input.file_path : undefined;
  return typeof path === 'string' ? path : '';
}
