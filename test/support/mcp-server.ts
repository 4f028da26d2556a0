import { existsSync } from 'node:fs';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createTestServer } from './mcp-factory.ts';

/** The test server over stdio; its last argument names a file whose existence adds a tool. */
const flag = process.argv[2];
console.error(`started with ${process.env['TOKEN'] ?? 'no token'}`);
serveStdio(() => createTestServer(flag !== undefined && existsSync(flag)));
