import type { AgentScript, Reply, ReplyBlock, Turn } from '../../client/simulated/script.ts';

/** What an agent answers: a text, an object for its schema, calls of tools, or a refusal. */
export type Said = string | Record<string, unknown> | ReplyBlock[] | typeof REFUSED;
/** `answers`: of its turns one after the other, the last one of all that follow. */
export type Rule = [asked: RegExp, answers: (...groups: string[]) => Said | InTurn];

export const REFUSED = Symbol('refused');

class InTurn {
  readonly answers: readonly Said[];
  constructor(answers: readonly Said[]) {
    this.answers = answers;
  }
}
export const inTurns = (...answers: Said[]): InTurn => new InTurn(answers);

/** Agents known by their prompts alone, so that their order changes nothing; the first rule that fits answers. */
export function scriptedAnswers(name: string, rules: readonly Rule[]): AgentScript {
  return {
    name,
    matches: ({ prompt }) => rules.some(([asked]) => asked.test(prompt)),
    reply: (turn) => {
      for (const [asked, answers] of rules) {
        const found = asked.exec(turn.request.prompt);
        if (found) return replyOf(answers(...found.slice(1)), turn);
      }
      throw new Error('it matched');
    },
  };
}

function replyOf(said: Said | InTurn, turn: Turn): Reply {
  if (said instanceof InTurn) return replyOf(said.answers[Math.min(turn.number, said.answers.length) - 1]!, turn);
  if (said === REFUSED) return { blocks: [], stopReason: 'refusal' };
  if (typeof said === 'string') return { blocks: [{ type: 'text', text: said }] };
  if (Array.isArray(said)) return { blocks: said };
  return { blocks: [{ type: 'tool_use', name: 'StructuredOutput', input: said as Record<string, unknown> }] };
}

export const call = (name: string, input: Record<string, unknown>): ReplyBlock => ({ type: 'tool_use', name, input });
export const write = (path: string, content: string): ReplyBlock => call('Write', { file_path: path, content });
