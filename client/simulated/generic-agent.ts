import { filesFound, lookAround, reportOf } from './look-around.ts';
import { schemaInstance } from './schema-instance.ts';
import type { AgentScript, ReplyBlock, SimulatedRequest, Turn } from './script.ts';
import { offersTool, toolResults } from './transcript.ts';

/**
 * Answers any prompt: looks around (Glob, two Reads of files it found), takes the steps its prompt directs, writes the file
 * it is asked to write, and ends with a sentence marked `[simulated]`, or with an instance of the output schema.
 */
export const genericAgent: AgentScript = {
  name: 'generic',
  matches: () => true,
  reply: (turn) => {
    const blocks =
      toolCalls(turn) ??
      writing(turn, () => 'What was asked for is made up.') ??
      endingWith(turn, () => reportOf(toolResults(turn.request.body)));
    return turn.request.direction.tokens === undefined
      ? { blocks }
      : { blocks, usage: { output_tokens: turn.request.direction.tokens } };
  },
};

const LOOKING_TURNS = 2;
/** `write it to \`docs/guide.md\``: a path in backticks. What is quoted with `> ` was asked of somebody else. */
const IS_ASKED_TO_WRITE = /^(?!> ).*\bwrite\b[^.`\n]*\bto `([\w./-]+\.\w+)`/im;

/** Whoever asks for an output alone, to have one repaired for instance, gets it without a look around. */
export function isAskedToHandOver({ prompt }: SimulatedRequest): boolean {
  return /\bCall StructuredOutput\b/.test(prompt);
}

/** The last words: what `say` says, or the output its prompt directs, or an instance of the output schema. */
export function endingWith({ request, random }: Turn, say: () => string): ReplyBlock[] {
  const { body, outputSchema, direction } = request;
  const results = toolResults(body);
  const isAccepted = results.some(({ name, isError }) => name === 'StructuredOutput' && !isError);
  if (outputSchema !== undefined && !isAccepted && offersTool(body, 'StructuredOutput')) {
    const input = direction.structured ?? schemaInstance(outputSchema, random, filesFound(results));
    return [{ type: 'tool_use', name: 'StructuredOutput', input }];
  }
  return [{ type: 'text', text: direction.output ?? `[simulated] ${say()}` }];
}

/** The Write its prompt asks for: once, and only where nothing else says what it is to do; refused or not, it goes on. */
export function writing({ request }: Turn, say: () => string): ReplyBlock[] | undefined {
  const { prompt, body, direction } = request;
  const file = IS_ASKED_TO_WRITE.exec(prompt)?.[1];
  if (file === undefined || direction.turns !== undefined || direction.steps.length > 0) return undefined;
  if (!offersTool(body, 'Write') || toolResults(body).some(({ name }) => name === 'Write')) return undefined;
  return [{ type: 'tool_use', name: 'Write', input: { file_path: file, content: `[simulated] ${say()}\n` } }];
}

/** Tool calls of this turn, or undefined when it is the agent's last. Steps come right before the end. */
function toolCalls(turn: Turn): ReplyBlock[] | undefined {
  const { steps, turns } = turn.request.direction;
  if (isAskedToHandOver(turn.request)) return undefined;
  const wanted = turns ?? (steps.length > 0 ? steps.length + 1 : LOOKING_TURNS + 1);
  const toolTurns = Math.max(wanted - 1, steps.length > 0 ? 1 : 0);
  if (turn.number > toolTurns) return undefined;
  const lookingTurns = Math.max(0, toolTurns - steps.length);
  if (turn.number <= lookingTurns) return lookAround(turn);
  const share = steps.length / (toolTurns - lookingTurns);
  const nth = turn.number - lookingTurns;
  const mine = steps.slice(Math.floor((nth - 1) * share), Math.floor(nth * share));
  return mine.map(({ name, input }) => ({ type: 'tool_use', name, input }));
}
