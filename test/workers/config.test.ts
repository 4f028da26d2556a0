import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWorkerConfig, WorkerConfigError } from '../../workers/config.ts';
import { defaultSlots, resources } from '../../workers/slots.ts';

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

describe('the build of a worker', () => {
  const of = (argv: string[], more: Record<string, string> = {}) =>
    readWorkerConfig(argv, { MUSTER_HOME: '/home/of', ANTHROPIC_API_KEY: 'key-of-somebody', ...more });

  it('is none where nobody says so, and has a deployment of its own name or of ours', () => {
    expect(of([])).toMatchObject({ deployment: undefined, makesCurrent: false });
    expect(of(['--make-current'], { TEMPORAL_WORKER_BUILD_ID: '0.2.0' })).toMatchObject({
      deployment: { deploymentName: 'muster', buildId: '0.2.0' },
      makesCurrent: true,
    });
    const named = { TEMPORAL_WORKER_BUILD_ID: 'b', TEMPORAL_DEPLOYMENT_NAME: 'ours' };
    expect(of([], named).deployment).toEqual({ deploymentName: 'ours', buildId: 'b' });
  });

  it.each([
    [['--make-current'], {}, 'set TEMPORAL_WORKER_BUILD_ID'],
    [['--make-current', '--role', 'subagent'], { TEMPORAL_WORKER_BUILD_ID: 'b' }, '--role orchestrator'],
    [[], { TEMPORAL_WORKER_BUILD_ID: 'a build' }, 'write letters'],
    [[], { TEMPORAL_WORKER_BUILD_ID: 'b', TEMPORAL_DEPLOYMENT_NAME: 'a:b' }, 'write letters'],
  ])('with %j and %j is refused', (argv, more, text) => {
    expect(() => of(argv, more as Record<string, string>)).toThrow(WorkerConfigError);
    expect(() => of(argv, more as Record<string, string>)).toThrow(text);
  });
});

it('has slots and a cache by its machine, unless somebody says how many and how much', () => {
  expect(read()).toMatchObject({ slots: defaultSlots(resources()), cacheBytes: undefined });
  expect(read({ MUSTER_WORKER_SLOTS: '7', MUSTER_CACHE_BYTES: '1000' })).toMatchObject({ slots: 7, cacheBytes: 1_000 });
  expect(() => read({ MUSTER_CACHE_BYTES: '10GB' })).toThrow(/^MUSTER_CACHE_BYTES is "10GB"/);
});
