import type { Message } from './claude.ts';

/**
 * The conversation without thinking, which is bound to the model and the conversation it came from: to be sent when another
 * model goes on, or when what came before it has been replaced. A message that held nothing else is left out; the API joins
 * the messages around it. The given messages are not changed; safe to call twice.
 */
export function withoutThinking(messages: readonly Message[]): Message[] {
  return messages.flatMap((message) => {
    if (message.role !== 'assistant' || typeof message.content === 'string') return [message];
    const content = message.content.filter(({ type }) => type !== 'thinking' && type !== 'redacted_thinking');
    if (content.length === message.content.length) return [message];
    return content.length === 0 ? [] : [{ ...message, content }];
  });
}
