import type { AgentScript, Reply, ReplyBlock, Turn } from '../../client/simulated/script.ts';

/** What a model does at one of its turns. */
export type Play = (turn: Turn) => ReplyBlock[] | Reply;

/** A Claude whose part is written by the test: a prompt with `play:NAME` is answered by the play of that name. */
export class PlayedClaude {
  private readonly plays = new Map<string, Play>();
  /** Every turn that was asked for, in order, by play. */
  readonly turns = new Map<string, Turn[]>();
  readonly script: AgentScript = {
    name: 'played',
    matches: ({ prompt }) => this.plays.has(nameIn(prompt)),
    reply: (turn) => {
      const name = nameIn(turn.request.prompt);
      // A request for a summary is answered by the server, whatever the play says.
      if (!turn.request.body.compaction) this.turns.set(name, [...(this.turns.get(name) ?? []), turn]);
      const answer = this.plays.get(name)!(turn);
      return Array.isArray(answer) ? { blocks: answer } : answer;
    },
  };

  /** Writes a part; the prompt that starts it. */
  play(name: string, play: Play): string {
    this.plays.set(name, play);
    return `play:${name}`;
  }

  /** What the model was told last at each turn of a play. */
  toldAt(name: string): string[] {
    return (this.turns.get(name) ?? []).map(({ request }) => JSON.stringify(request.body.messages.at(-1)));
  }
}

const nameIn = (prompt: string): string => /play:(\S+)/.exec(prompt)?.[1] ?? '';

export const call = (name: string, input: Record<string, unknown>): ReplyBlock => ({ type: 'tool_use', name, input });
export const bash = (command: string): ReplyBlock => call('Bash', { command });
export const say = (text: string): ReplyBlock => ({ type: 'text', text });
/** One answer a turn; the last one stays. */
export const inTurn =
  (...answers: ReplyBlock[][]): Play =>
  ({ number }) =>
    answers[Math.min(number, answers.length) - 1]!;
