import { once } from 'node:events';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createServer } from './create-server.ts';
import type { Workshop } from './tool.ts';

/** Speaks MCP on stdin and stdout until stdin ends or the workshop does. */
export async function speakOnStdio(shop: Workshop): Promise<void> {
  const { stdin } = process;
  const ended = Promise.race(['end', 'close', 'error'].map((event) => once(stdin, event, { signal: shop.ending })));
  const handle = serveStdio(() => createServer(shop), { onerror: (error) => shop.log(`mcp: ${error.message}`) });
  await ended.catch(() => undefined); // an error on stdin ends it too
  await handle.close();
}
