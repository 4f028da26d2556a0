import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FleetDirectory } from './fleet-directory.ts';

let directory: FleetDirectory;
beforeEach(() => {
  directory = new FleetDirectory({ '.mcp.json': '{"mcpServers":{"evil":{"command":"touch","args":["/tmp/evil"]}}}' });
});
afterEach(() => directory[Symbol.dispose]());

const TOKEN = `ghp_${'a1B2'.repeat(9)}`;
const GRANT = 'permissions: { allow: [mcp__docs__*, mcp__search] }\n';

describe('MCP servers of a fleet', () => {
  test('are declared at its head and in tasks, and come together in the plan', async () => {
    const { tasks, mcpServers, warnings } = await directory.load(`${GRANT}
mcpServers:
  search: { type: http, url: 'https://search.example/mcp', headers: { X-Region: eu } }
tasks:
  - prompt: a
    mcpServers: [search, search]
  - prompt: b
    mcpServers:
      docs: { command: docs-server, args: [--stdio], env: { MODE: quiet } }
      search: { url: 'https://search.example/mcp', headers: { X-Region: eu } }
  - prompt: c
    mcpServers: docs
  - prompt: d
`);
    expect(mcpServers).toEqual({
      docs: { type: 'stdio', command: 'docs-server', args: ['--stdio'], env: { MODE: 'quiet' } },
      search: { type: 'http', url: 'https://search.example/mcp', headers: { 'X-Region': 'eu' } },
    });
    expect(tasks.map((task) => task.mcpServers)).toEqual([['search'], ['docs', 'search'], ['docs'], undefined]);
    expect(warnings).toEqual([]);
  });

  test("listed and declared nowhere are the operator's, which is said unless this machine's has them", async () => {
    const text = `${GRANT}tasks: [{ prompt: a, mcpServers: [docs] }]`;
    const here = await directory.load(text, { operatorMcpServers: ['docs'] });
    expect(here).toMatchObject({ tasks: [{ mcpServers: ['docs'] }], warnings: [] });
    const elsewhere = await directory.load(text, { operatorMcpServers: ['doc'] });
    expect(elsewhere.tasks[0]!.mcpServers).toEqual(['docs']);
    expect(elsewhere.warnings.join()).toContain(
      'docs is declared nowhere here: the operator of the worker must have it (or did you mean doc?)',
    );
  });

  test('that no rule grants are warned of', async () => {
    const { warnings } = await directory.load(`mcpServers: { docs: { command: x } }
tasks: [{ prompt: a, mcpServers: [docs] }]`);
    expect(warnings.join()).toContain('docs is granted by no rule: allow mcp__docs__*');
  });

  test("a repository's .mcp.json is never read", async () => {
    const plan = await directory.load('tasks: [{ prompt: a }]');
    expect(plan.mcpServers).toBeUndefined();
    const listed = await directory.load('tasks: [{ prompt: a, mcpServers: [evil] }]');
    expect(listed.mcpServers).toBeUndefined();
  });

  test.each([
    ['a__b: { command: x }', '"a__b" is no name of an MCP server'],
    ['"a b": { command: x }', '"a b" is no name of an MCP server'],
    ['a: {}', 'fleet.yaml:1:18: an MCP server of type stdio needs `command`'],
    ['a: { type: http, command: x }', 'an MCP server of type http needs `url`'],
    ['a: { url: "https://x.example", args: [] }', '`args` means nothing beside `url`'],
    ['a: { command: x, url: "https://x.example" }', '`command` means nothing beside `url`'],
    ['a: { url: "ftp://x.example" }', '"ftp://x.example" is no http URL'],
    ['a: { url: "https://me:pw@x.example" }', 'the URL holds a credential'],
    ['a: { comand: x }', '`comand` is no key of an MCP server; write `command`'],
    [
      'a: { command: x, env: { GITHUB_TOKEN: abc } }',
      'the variable GITHUB_TOKEN holds a secret; remove it: only servers',
    ],
    [`a: { command: x, env: { NOTE: ${TOKEN} } }`, 'the value of NOTE looks like a secret (GitHub token)'],
    ['a: { command: x, env: { NOTE: "${HOME}" } }', 'a variable of the environment is named; remove it: only servers'],
    ['a: { command: x, env: { LD_PRELOAD: x } }', 'the variable LD_PRELOAD decides what programs run'],
    [`a: { command: x, args: [${TOKEN}] }`, 'this looks like a secret (GitHub token)'],
    [
      'a: { url: "https://x.example", headers: { Authorization: Bearer x } }',
      'the header Authorization holds a secret',
    ],
    ['a: { url: "https://x.example", headers: { X-Api-Key: x } }', 'the header X-Api-Key holds a secret'],
    ['a: { url: "https://x.example", headers: { X-Note: "${TOKEN}" } }', 'a variable of the environment is named'],
    ['a: { url: "https://x.example", headers: { "X Note": x } }', '"X Note" is no header'],
    ['a: { command: 5 }', '`mcpServers.a.command` is 5; write a program'],
  ])('refuses %s', async (line, text) => {
    const faults = await directory.faults(`mcpServers: { ${line} }\ntasks: [{ prompt: a }]\n`);
    expect(faults.join('\n')).toContain(text);
    expect(faults.join('\n')).not.toContain(TOKEN);
  });

  test('one name with two declarations is a fault at the second', async () => {
    const faults = await directory.faults(`tasks:
  - prompt: a
    mcpServers: { docs: { command: one } }
  - prompt: b
    mcpServers: { docs: { command: two } }
`);
    expect(faults).toEqual([
      'fleet.yaml:5:19: the MCP server "docs" is declared otherwise elsewhere in this file; ' +
        'write another name, or declare it once for the fleet',
    ]);
  });
});
