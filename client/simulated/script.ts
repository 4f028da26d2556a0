import type Anthropic from '@anthropic-ai/sdk';
import type { Direction } from './direction.ts';
import type { Random } from './random.ts';

/** With the parameters of the two betas the server knows. */
export type RequestBody = Anthropic.MessageCreateParams &
  Pick<Anthropic.Beta.MessageCreateParams, 'compaction' | 'context_management'>;

/** One call as an agent script sees it. */
export interface SimulatedRequest {
  body: RequestBody;
  /** All text of the first user message: prompt, context blocks and output schema. */
  firstText: string;
  /** The prompt: `firstText` without `<context>` and `<output_schema>` blocks and without directives. */
  prompt: string;
  /** Names one agent over its turns: a hash of the first user message. Equal prompts are one agent. */
  agent: string;
  /** Its first message says that it may spawn subagents. */
  maySpawn: boolean;
  /** What stands in the `<output_schema>` block of the first message. */
  outputSchema: Record<string, unknown> | undefined;
  /** What the prompt's `[[simulate …]]` directives say. */
  direction: Direction;
}

export interface Turn {
  request: SimulatedRequest;
  /** From 1: answers already in the transcript, plus one. */
  number: number;
  /** Seeded by the server's seed, the agent and the turn: a repeated call is answered the same. */
  random: Random;
}

export type ReplyBlock =
  | { type: 'text'; text: string }
  | { type: 'thinking'; thinking: string }
  /** `id` is made up when absent. */
  | { type: 'tool_use'; id?: string; name: string; input: unknown };

export interface Reply {
  blocks: ReplyBlock[];
  /** Left out: `tool_use` when there is a tool call, else `end_turn`. */
  stopReason?: Anthropic.StopReason;
  /** Instead of what is counted from the bytes. */
  usage?: Partial<
    Record<'input_tokens' | 'output_tokens' | 'cache_creation_input_tokens' | 'cache_read_input_tokens', number>
  >;
  /** From the arrival of the request to its last byte. Left out: the directive's, else the server's. */
  latencyMs?: number;
}

/** One scripted agent. The first in the registry that matches a request answers it. */
export interface AgentScript {
  name: string;
  matches(request: SimulatedRequest): boolean;
  /** A throw is answered as a 500 `api_error` with its message. */
  reply(turn: Turn): Reply | Promise<Reply>;
}
