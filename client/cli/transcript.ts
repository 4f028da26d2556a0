import { createRedactor } from '../../activities/observe/redaction.ts';
import {
  transcriptLines,
  type TranscriptBlock,
  type TranscriptLine,
  type TranscriptMessage,
} from '../../activities/observe/transcript.ts';
import { oneLine, printable, shorten } from './figures.ts';
import type { Paint } from './paint.ts';

const TOOL_LINES = 12;
const LINE_CHARS = 200;

/** An artifact's lines; one of an earlier version holds a message of the Messages API a line. */
export function readTranscript(text: string): TranscriptLine[] {
  const lines = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TranscriptLine | TranscriptMessage);
  const isOld = (line: TranscriptLine | TranscriptMessage): line is TranscriptMessage => !('type' in line);
  return lines.every(isOld) ? transcriptLines(lines, createRedactor([])) : (lines as TranscriptLine[]);
}

/** The conversation, oldest first: who spoke, what was called with what, and the beginning of what came back. */
export function transcriptShown(lines: readonly TranscriptLine[], paint: Paint): string {
  return lines.map((line) => lineText(line, paint)).join('');
}

function lineText(line: TranscriptLine, paint: Paint): string {
  switch (line.type) {
    case 'message':
      return `${paint.bold(line.role)}\n${line.content.map((block) => blockText(block, paint)).join('')}`;
    case 'tool_call':
      return `  ${paint.cyan(line.name)} ${shorten(oneLine(JSON.stringify(line.input ?? {})), LINE_CHARS)}\n`;
    case 'tool_result': {
      const text = beginning(printable(textOf(line.content)));
      return `${line.is_error ? paint.red(text) : paint.dim(text)}\n`;
    }
  }
}

function blockText({ type, text, content, thinking }: TranscriptBlock & { thinking?: string }, paint: Paint): string {
  if (type === 'text') return `${indented(printable(text ?? ''))}\n`;
  if (type === 'thinking') return paint.dim(`${indented(printable(thinking ?? ''))}\n`);
  if (type === 'compaction') return paint.dim(`${indented(printable(textOf(content)))}\n`);
  return paint.dim(`  [${type}]\n`);
}

/** Text of a tool's result: its content is a text or a list of blocks. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((block: TranscriptBlock) => block.text ?? `[${block.type}]`).join('\n');
}

function beginning(text: string): string {
  const lines = text.split('\n');
  const shown = lines.slice(0, TOOL_LINES).map((line) => `    ${shorten(line, LINE_CHARS)}`);
  return [...shown, ...(lines.length > TOOL_LINES ? [`    … ${lines.length - TOOL_LINES} more lines`] : [])].join('\n');
}

const indented = (text: string): string => text.replace(/^/gm, '  ').trimEnd();
