import { FAILURES } from '../../workflows/contract/failures.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import type { ClaudeAnswer, Message } from '../claude/claude.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Conversation } from './conversation.ts';
import { Ended } from './ending.ts';
import type { ModelCall } from './model-call.ts';
import type { StructuredOutput } from './parts.ts';
import { textOf, told } from './prompt.ts';

/** Wrong outputs the model is told about before one repair call is made. */
const TRIES = 5;

/** What became of an output the model offered. */
export type Offered = { ok: true; value: unknown } | { ok: false; message: string };

/**
 * Holds a subagent to its output schema: a wrong output is told to the model five times, then one call of its own is
 * spent on repairing the newest one. Work is never thrown away: what could not be repaired stands in the result.
 */
export class OutputShape {
  private readonly schema: Record<string, unknown> | undefined;
  private readonly structuredOutput: StructuredOutput;
  private readonly checkpoint: Checkpoint;

  constructor(structuredOutput: StructuredOutput, task: Task, checkpoint: Checkpoint) {
    this.structuredOutput = structuredOutput;
    this.schema = task.outputSchema;
    this.checkpoint = checkpoint;
  }

  get isAsked(): boolean {
    return this.schema !== undefined;
  }
  /** The model has been told often enough. */
  get isExhausted(): boolean {
    return this.isAsked && this.checkpoint.record.schemaFailures >= TRIES;
  }

  /** The output that the newest turn has handed over; nothing has been said since. */
  accepted(): { value: unknown } | undefined {
    const [answer, results] = this.checkpoint.messages.slice(-2);
    if (!this.schema || answer?.role !== 'assistant' || !hasResults(results)) return undefined;
    for (const block of typeof answer.content === 'string' ? [] : answer.content) {
      if (block.type !== 'tool_use' || block.name !== 'StructuredOutput') continue;
      const verdict = this.structuredOutput.validate(this.schema, block.input);
      if (verdict.ok) return { value: verdict.value };
    }
    return undefined;
  }

  /** An input of StructuredOutput. Counts what does not fit. */
  check(value: unknown): Offered {
    if (!this.schema) return { ok: false, message: 'No <output_schema> was given: end your turn with a text instead.' };
    const verdict = this.structuredOutput.validate(this.schema, value);
    if (verdict.ok) return verdict;
    this.count();
    return { ok: false, message: `The output does not fit the schema:\n${verdict.errors.join('\n')}` };
  }

  /** What to tell a model that ended its turn without a fitting output. Counts. */
  remind(): Message {
    this.count();
    const text = 'Your result is still missing: call StructuredOutput with an input that fits the <output_schema>.';
    return told(text);
  }

  /** One call that sees only the schema, the newest output and its faults. Throws `Ended` when it does not help. */
  async repair(call: ModelCall, conversation: Conversation): Promise<{ value: unknown }> {
    const schema = this.schema!;
    const raw = this.newestOutput();
    const faults = this.faultsOf(raw);
    const text = `<output_schema>\n${JSON.stringify(schema)}\n</output_schema>\n<output>\n${raw}\n</output>\n<faults>\n${faults.join('\n')}\n</faults>\nThe output does not fit the schema. Call StructuredOutput once with the same content in the right shape. Invent nothing.`;
    const answer = await call.answer(conversation.aside([told(text)]));
    const repaired = offeredIn(answer);
    const verdict = repaired === undefined ? undefined : this.structuredOutput.validate(schema, repaired);
    if (verdict?.ok) return { value: verdict.value };
    const message = `no output fits the schema: ${faults[0] ?? 'none was given'}`;
    throw new Ended({
      status: 'failed',
      error: { type: FAILURES.schemaMismatch, message },
      rawOutput: raw,
      schemaErrors: faults,
      lesson: `${message}\n${faults.join('\n')}`,
    });
  }

  private count(): void {
    this.checkpoint.note({ schemaFailures: this.checkpoint.record.schemaFailures + 1 });
  }

  private newestOutput(): string {
    for (const { role, content } of this.checkpoint.messages.toReversed()) {
      if (role !== 'assistant' || typeof content === 'string') continue;
      const offer = content.findLast((block) => block.type === 'tool_use' && block.name === 'StructuredOutput');
      if (offer?.type === 'tool_use') return JSON.stringify(offer.input);
      const text = textOf(content);
      if (text !== null) return text;
    }
    return '';
  }

  private faultsOf(raw: string): string[] {
    const value = parseJson(raw);
    if (value === undefined) return ['the output is no JSON'];
    const verdict = this.structuredOutput.validate(this.schema!, value);
    return verdict.ok ? [] : verdict.errors;
  }
}

function hasResults(message: Message | undefined): boolean {
  return (
    message?.role === 'user' &&
    typeof message.content !== 'string' &&
    message.content.every(({ type }) => type === 'tool_result')
  );
}

/** The output in an answer: a StructuredOutput call, else a text that is JSON. */
function offeredIn({ content }: ClaudeAnswer): unknown {
  const call = content.find((block) => block.type === 'tool_use' && block.name === 'StructuredOutput');
  if (call?.type === 'tool_use') return call.input;
  return parseJson((textOf(content) ?? '').replace(/^```(?:json)?\n|\n```$/g, ''));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
