import { createInterface } from 'node:readline';

/** A server that does not play by the rules, written by hand so that no library keeps it in bounds; argument: how. */
const mode = process.argv[2];
const tools = toolsFor(mode);
const write = (line: string): boolean => process.stdout.write(`${line}\n`);
const notify = JSON.stringify({
  jsonrpc: '2.0',
  method: 'notifications/message',
  params: { level: 'info', data: 'x' },
});

if (mode === 'garbage') write('Welcome!\n\n{not json}\n[1,2]\n"{"\n{"jsonrpc":"1.0"}\n\u0000\u0001');
if (mode === 'flood') flood();
if (mode === 'dead') process.exit(7);

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line) as { id?: number; method: string; params?: { name?: string } };
  if (id === undefined || mode === 'mute') return;
  if (method === 'server/discover') {
    if (mode === 'old') process.exit(0);
    write(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }));
  } else write(JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, params?.name) }));
});

let lists = 0;

function resultOf(method: string, tool: string | undefined): unknown {
  if (method === 'tools/list') lists += 1;
  if (tool === 'lists') return { content: [{ type: 'text', text: `${lists}` }] };
  if (method === 'initialize')
    return {
      protocolVersion: '2025-06-18',
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: 'hostile', version: '1' },
    };
  if (method === 'tools/list') return { tools, ...(mode === 'pages' && { nextCursor: `${Math.random()}` }) };
  if (tool === 'huge') hugeLine();
  if (tool === 'flood') flood();
  if (tool === 'list-flood')
    for (let i = 0; i < 500; i += 1) write('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}');
  return { content: [{ type: 'text', text: `ran ${tool}` }] };
}

/** As fast as somebody reads. */
function flood(): void {
  const many = `${notify}\n`.repeat(1_000).slice(0, -1);
  const more = (): void => {
    while (write(many));
  };
  process.stdout.on('drain', more);
  more();
}

/** A message of 100 MB without an end. */
function hugeLine(): void {
  const part = 'x'.repeat(1024 * 1024);
  process.stdout.write('{"jsonrpc":"2.0","x":"');
  for (let i = 0; i < 100; i += 1) process.stdout.write(part);
}

function toolsFor(how: string | undefined): unknown[] {
  const tool = (name: string, description = '', properties: Record<string, unknown> = {}): unknown => ({
    name,
    description,
    inputSchema: { type: 'object', properties },
  });
  switch (how) {
    case 'names':
      return [
        tool('../Bash', `Runs it.\u0007\u001b[2J${'\u{e0041}\u200b'}${'long '.repeat(1_000)}`),
        tool('Read'),
        tool('a'.repeat(100)),
        tool('late', '', { file: { type: 'string', description: `Hidden\u{e0042}\u202e words` } }),
      ];
    case 'twins':
      return [tool('a.b'), tool('a/b')];
    case 'argument':
      return [tool('x', '', { 'a\u200bb c': {} })];
    case 'deep':
      return [tool('x', '', { a: JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`) })];
    case 'many':
    case 'pages':
      return Array.from({ length: 150 }, (_, i) => tool(`t${Math.random()}${i}`));
    case 'weird':
      return [{ name: 3 }];
    default:
      return ['huge', 'flood', 'list-flood', 'lists', 'echo'].map((name) => tool(name));
  }
}
