import type { CallToolResult } from '@modelcontextprotocol/client';

/** What the model sees of a result: its texts, the names of what is no text, and structured content as JSON where it is all there is. */
export function contentOf(
  { content, structuredContent, isError }: CallToolResult,
  maxChars: number,
): {
  content: string;
  isError: boolean;
} {
  const parts = content.map(blockText);
  // Servers repeat structured content as text for clients that know no other.
  if (structuredContent !== undefined && !content.some(({ type }) => type === 'text'))
    parts.push(JSON.stringify(structuredContent));
  const text = parts.join('\n') || '(The tool answered with nothing.)';
  return { content: cut(text, maxChars), isError: isError === true };
}

function blockText(block: CallToolResult['content'][number]): string {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'image':
    case 'audio':
      return `(${block.type}, ${block.mimeType}: not shown)`;
    case 'resource_link':
      return `(link to ${block.name}: ${block.uri})`;
    case 'resource':
      return 'text' in block.resource ? block.resource.text : `(file ${block.resource.uri}: not shown)`;
    default:
      return '(something this client does not know: not shown)';
  }
}

/** At most so many characters, and a word about the rest. */
export function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  return `${text.slice(0, maxChars).toWellFormed()}\n\n(Cut: ${text.length - maxChars} more characters.)`;
}
