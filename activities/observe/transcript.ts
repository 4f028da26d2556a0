import { type Redact, redactDeep } from './redaction.ts';

/** A message of the Messages API, as far as a transcript tells it apart. */
export interface TranscriptMessage {
  role: string;
  content: string | readonly TranscriptBlock[];
}

export interface TranscriptBlock {
  type: string;
  text?: string;
  id?: string;
  name?: string;
  input?: unknown;
  tool_use_id?: string;
  content?: unknown;
  is_error?: boolean;
}

/** One line of a transcript: what was said, what was called, what came back; in the order it happened. */
export type TranscriptLine =
  | { type: 'message'; role: string; content: TranscriptBlock[] }
  | { type: 'tool_call'; id: string; name: string; input: unknown }
  | { type: 'tool_result'; id: string; name: string; content: unknown; is_error?: true };

/** A conversation as lines, secrets hidden. Signatures of thinking are left out: they serve the API alone. */
export function transcriptLines(messages: readonly TranscriptMessage[], redact: Redact): TranscriptLine[] {
  const names = new Map<string, string>();
  return messages
    .flatMap((message) => linesOf(message, names))
    .map((line) => redactDeep(line, redact) as TranscriptLine);
}

/** As the artifact holds them: one JSON object a line. */
export function transcriptText(lines: readonly TranscriptLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function linesOf({ role, content }: TranscriptMessage, names: Map<string, string>): TranscriptLine[] {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const lines: TranscriptLine[] = [];
  const said: TranscriptBlock[] = [];
  for (const block of blocks) {
    if (block.type === 'tool_use') {
      names.set(block.id ?? '', block.name ?? '');
      lines.push({ type: 'tool_call', id: block.id ?? '', name: block.name ?? '', input: block.input });
    } else if (block.type === 'tool_result') {
      const id = block.tool_use_id ?? '';
      const result = { type: 'tool_result' as const, id, name: names.get(id) ?? '', content: block.content };
      lines.push(block.is_error ? { ...result, is_error: true } : result);
    } else said.push(withoutSignature(block));
  }
  // What is said stands before the calls it explains, and after the results it comments on.
  const message: TranscriptLine[] = said.length === 0 ? [] : [{ type: 'message', role, content: said }];
  return role === 'assistant' ? [...message, ...lines] : [...lines, ...message];
}

function withoutSignature(block: TranscriptBlock): TranscriptBlock {
  return Object.fromEntries(
    Object.entries(block).filter(([key]) => key !== 'signature' && key !== 'cache_control'),
  ) as unknown as TranscriptBlock;
}
