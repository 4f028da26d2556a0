import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWorkerConfig, WorkerConfigError } from '../../workers/config.ts';

let directory: string;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'muster-worker-'))));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const read = (more: Record<string, string> = {}) =>
  readWorkerConfig([], { MUSTER_HOME: '/home/of', ANTHROPIC_API_KEY: 'key-of-somebody', ...more });

/** A file of declarations; answers the variable that names it. */
function declared(content: unknown): { MUSTER_MCP_CONFIG: string } {
  const file = join(directory, 'mcp.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return { MUSTER_MCP_CONFIG: file };
}

describe('what an operator tells a worker', () => {
  it('confines everything and opens nothing when it says nothing', () => {
    expect(read()).toMatchObject({
      ...{ sandbox: 'bubblewrap', sandboxReadOnlyPaths: [], egressInternal: [], mcpServers: {} },
      secrets: ['key-of-somebody'],
    });
  });

  it('is read from three variables and one file, with the variables it names filled in', () => {
    const servers = {
      files: { command: 'files-server', args: ['--root', '/srv'], env: { TOKEN: 'Bearer ${FILES_TOKEN}' } },
      search: {
        url: 'https://search.example/mcp',
        headers: { authorization: '${SEARCH}' },
        pin: `sha256:${'a'.repeat(64)}`,
      },
    };
    const config = read({
      ...declared({ mcpServers: servers }),
      ...{ MUSTER_SANDBOX: 'none', MUSTER_SANDBOX_PATHS: '/opt/node:/srv/tools' },
      MUSTER_EGRESS_INTERNAL: '10.1.0.0/16, fd00::/8',
      ...{ FILES_TOKEN: 'of-the-files', SEARCH: 'of-the-search' },
    });
    expect(config).toMatchObject({ sandbox: 'none', sandboxReadOnlyPaths: ['/opt/node', '/srv/tools'] });
    expect(config.egressInternal).toEqual(['10.1.0.0/16', 'fd00::/8']);
    expect(config.mcpServers).toEqual({
      files: {
        ...{ type: 'stdio', command: 'files-server', args: ['--root', '/srv'], readOnlyPaths: [], network: false },
        env: { TOKEN: 'Bearer of-the-files' },
      },
      search: {
        ...{ type: 'http', url: 'https://search.example/mcp', pin: `sha256:${'a'.repeat(64)}` },
        headers: { authorization: 'of-the-search' },
      },
    });
    expect(config.secrets).toEqual(['key-of-somebody', 'of-the-files', 'of-the-search']);
  });

  it.each([
    ['MUSTER_SANDBOX', 'docker', 'write bubblewrap or none'],
    ['MUSTER_SANDBOX_PATHS', 'tools', 'is not absolute'],
    ['MUSTER_EGRESS_INTERNAL', '10.0.0.0', 'is no CIDR'],
    ['MUSTER_EGRESS_INTERNAL', '10.0.0.0/16,example.com', '"example.com" is no CIDR'],
    ['MUSTER_ENCRYPTION_KEYS', 'k1:short', 'the key k1 is not 32 bytes in base64'],
    ['MUSTER_ENCRYPTION_KEYS_FILE', '/nowhere/keys', 'ENOENT'],
    ['MUSTER_MCP_CONFIG', 'mcp.json', 'write an absolute path'],
    ['MUSTER_MCP_CONFIG', '/nowhere/mcp.json', 'ENOENT'],
  ])('names the key at fault: %s=%s', (key, value, text) => {
    expect(() => read({ [key]: value })).toThrow(WorkerConfigError);
    expect(() => read({ [key]: value })).toThrow(new RegExp(`^${key}.*${text}`));
  });

  it.each([
    ['no JSON', '{', 'JSON'],
    ['a bare map of servers', { files: { command: 'x' } }, 'mcpServers must hold names'],
    ['a name that a tool cannot carry', { mcpServers: { a__b: { command: 'x' } } }, '"a__b" is no name'],
    ['neither command nor url', { mcpServers: { a: {} } }, 'mcpServers.a.command'],
    ['an unknown key', { mcpServers: { a: { command: 'x', shell: true } } }, 'shell'],
    ['a URL of another kind', { mcpServers: { a: { url: 'file:///etc' } } }, 'mcpServers.a.url'],
    ['a variable nobody set', { mcpServers: { a: { command: 'x', env: { A: '${UNSET_ONE}' } } } }, 'UNSET_ONE'],
  ])('refuses declarations with %s', (_, content, text) => {
    expect(() => read(declared(content))).toThrow(text);
    expect(() => read(declared(content))).toThrow(/^MUSTER_MCP_CONFIG, /);
  });
});

it('keeps the keys of payloads out of all that a worker tells', () => {
  const base64 = Buffer.alloc(32, 7).toString('base64');
  const config = read({ MUSTER_ENCRYPTION_KEYS: `k1:${base64}` });
  expect(config.encryptionKeys).toEqual([{ id: 'k1', base64 }]);
  expect(config.secrets).toContain(base64);
  expect(read({}).encryptionKeys).toEqual([]);
});
