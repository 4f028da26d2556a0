import { oneLine, printable, shorten } from './figures.ts';
import type { Paint } from './paint.ts';

/** A message of the Messages API, as far as people read it. */
export interface Message {
  role: 'user' | 'assistant' | 'system';
  content: string | readonly Block[];
}

interface Block {
  type: string;
  text?: string;
  thinking?: string;
  name?: string;
  input?: unknown;
  content?: string | readonly Block[];
  is_error?: boolean;
}

const TOOL_LINES = 12;
const LINE_CHARS = 200;

/** The conversation, oldest first: who spoke, what was called with what, and the beginning of what came back. */
export function transcriptText(messages: readonly Message[], paint: Paint): string {
  return messages.map((message) => messageText(message, paint)).join('\n');
}

function messageText({ role, content }: Message, paint: Paint): string {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const isAnswer = blocks.length > 0 && blocks.every(({ type }) => type === 'tool_result');
  const head = isAnswer ? '' : `${paint.bold(role)}\n`;
  return head + blocks.map((block) => blockText(block, paint)).join('');
}

function blockText(block: Block, paint: Paint): string {
  switch (block.type) {
    case 'text':
      return `${indented(printable(block.text ?? ''))}\n`;
    case 'thinking':
      return paint.dim(`${indented(printable(block.thinking ?? ''))}\n`);
    case 'tool_use':
      return `  ${paint.cyan(block.name ?? 'tool')} ${shorten(oneLine(JSON.stringify(block.input ?? {})), LINE_CHARS)}\n`;
    case 'tool_result': {
      const text = beginning(printable(textOf(block.content)));
      return `${block.is_error ? paint.red(text) : paint.dim(text)}\n`;
    }
    default:
      return paint.dim(`  [${block.type}]\n`);
  }
}

function textOf(content: Block['content']): string {
  if (content === undefined || typeof content === 'string') return content ?? '';
  return content.map((block) => block.text ?? `[${block.type}]`).join('\n');
}

function beginning(text: string): string {
  const lines = text.split('\n');
  const shown = lines.slice(0, TOOL_LINES).map((line) => `    ${shorten(line, LINE_CHARS)}`);
  return [...shown, ...(lines.length > TOOL_LINES ? [`    … ${lines.length - TOOL_LINES} more lines`] : [])].join('\n');
}

const indented = (text: string): string => text.replace(/^/gm, '  ').trimEnd();
