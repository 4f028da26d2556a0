import { z } from 'zod';

/** An MCP server as a fleet file declares it; `mcp-servers.ts` checks what belongs together. */
export const McpServerShape = z
  .strictObject({
    type: z.enum(['stdio', 'http']).optional().meta({ description: 'Follows from `command` or `url`.' }),
    command: z.string().min(1).optional().meta({ description: 'Program to start, confined.' }),
    args: z.array(z.string()).optional(),
    env: z.record(z.string(), z.string()).optional().meta({ description: 'Literal values, never secrets.' }),
    url: z.string().min(1).optional(),
    headers: z.record(z.string(), z.string()).optional().meta({ description: 'Literal values, never secrets.' }),
  })
  .meta({ examples: [{ command: '/usr/bin/docs-server', args: ['--stdio'] }, { url: 'https://docs.example/mcp' }] });
export type McpServerShape = z.infer<typeof McpServerShape>;
