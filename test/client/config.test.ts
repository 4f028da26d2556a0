import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CommandFailure } from '../../client/cli/context.ts';
import { readConfig, requireClaude, type Config, type ConfigFlags } from '../../client/config.ts';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'muster-config-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Nothing of the machine's own environment. */
function read(env: Record<string, string> = {}, cwd = root, flags: ConfigFlags = {}): Config {
  return readConfig({ HOME: join(root, 'user'), ...env }, cwd, flags);
}

function failure(work: () => unknown): CommandFailure {
  try {
    work();
  } catch (error) {
    if (error instanceof CommandFailure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), text);
}

describe('home', () => {
  test.each([
    [
      'MUSTER_HOME wins over everything',
      ['repo/.git', 'repo/.muster'],
      'repo',
      { MUSTER_HOME: '/elsewhere' },
      '/elsewhere',
    ],
    ['a relative MUSTER_HOME starts at the current directory', ['repo'], 'repo', { MUSTER_HOME: 'x' }, 'repo/x'],
    ['an empty MUSTER_HOME is none', ['repo/.muster'], 'repo', { MUSTER_HOME: ' ' }, 'repo/.muster'],
    [
      'the one in the current directory',
      ['repo/.git', 'repo/.muster', 'repo/a/.muster'],
      'repo/a',
      {},
      'repo/a/.muster',
    ],
    ['the nearest one above', ['repo/.git', 'repo/.muster', 'repo/a/b'], 'repo/a/b', {}, 'repo/.muster'],
    ['none above the root of the repository', ['.muster', 'repo/.git', 'repo/a'], 'repo/a', {}, 'repo/a/.muster'],
    ['one in the root of the repository itself', ['.muster', 'repo/.git', 'repo/.muster'], 'repo', {}, 'repo/.muster'],
    ['any above where there is no repository', ['.muster', 'plain/a'], 'plain/a', {}, '.muster'],
    ['a new one in the current directory', ['repo/.git', 'repo/a'], 'repo/a', {}, 'repo/a/.muster'],
  ])('is %s', async (_, directories, cwd, env, expected) => {
    for (const directory of directories) await mkdir(join(root, directory), { recursive: true });
    expect(read(env, join(root, cwd)).home).toBe(expected.startsWith('/') ? expected : join(root, expected));
  });

  test('stops at the root of a linked worktree, whose .git is a file', async () => {
    await mkdir(join(root, '.muster'));
    await write('tree/.git', 'gitdir: elsewhere');
    expect(read({}, join(root, 'tree')).home).toBe(join(root, 'tree', '.muster'));
  });

  test.runIf(process.getuid?.() === 0)("passes over another user's directory above", async () => {
    await mkdir(join(root, 'a'));
    await mkdir(join(root, '.muster'));
    const { chown } = await import('node:fs/promises');
    await chown(join(root, '.muster'), 12_345, 12_345);
    expect(read({}, join(root, 'a')).home).toBe(join(root, 'a', '.muster'));
  });

  test('is created by nobody who only reads the configuration', async () => {
    const { home } = read();
    await expect(realpath(home)).rejects.toThrow('ENOENT');
  });
});

describe('artifacts', () => {
  test('lie in the home unless MUSTER_ARTIFACTS names another directory', () => {
    expect(read({ MUSTER_HOME: '/h' }).artifacts).toBe('file:///h/artifacts');
    expect(read({ MUSTER_ARTIFACTS: 'file:///var/my%20artifacts' }).artifacts).toBe('file:///var/my%20artifacts');
    expect(read({ MUSTER_ARTIFACTS: 's3://bucket/prefix' }).artifacts).toBe('s3://bucket/prefix');
  });

  test.each(['s3://', '/plain/path', 'file://host/x', 'http://x'])('in %s are refused by name', (value) => {
    const { exitCode, message } = failure(() => read({ MUSTER_ARTIFACTS: value }));
    expect({ exitCode, message }).toEqual({ exitCode: 2, message: expect.stringContaining('MUSTER_ARTIFACTS') });
  });
});

describe('Claude', () => {
  test('is reached with the key, else with the token; an empty value is none', () => {
    const claude = { baseUrl: 'https://api.anthropic.com', isSimulated: false };
    expect(read({ ANTHROPIC_API_KEY: ' k\n', ANTHROPIC_AUTH_TOKEN: 't' }).claude).toEqual({ ...claude, apiKey: 'k' });
    expect(read({ ANTHROPIC_API_KEY: '', ANTHROPIC_AUTH_TOKEN: 't' }).claude).toEqual({ ...claude, authToken: 't' });
    expect(read({ ANTHROPIC_API_KEY: '', ANTHROPIC_AUTH_TOKEN: '  ' }).claude).toBeUndefined();
  });

  test('is somewhere else with ANTHROPIC_BASE_URL, and nowhere with a wrong one', () => {
    const env = { ANTHROPIC_API_KEY: 'k' };
    expect(read({ ...env, ANTHROPIC_BASE_URL: 'http://127.0.0.1:1/' }).claude?.baseUrl).toBe('http://127.0.0.1:1');
    for (const wrong of ['api.anthropic.com', 'ftp://x'])
      expect(failure(() => read({ ...env, ANTHROPIC_BASE_URL: wrong })).message).toContain('ANTHROPIC_BASE_URL');
  });

  test('is not reached with a broken key, which is never shown', () => {
    const { exitCode, message } = failure(() => read({ ANTHROPIC_API_KEY: 'sk secret' }));
    expect(exitCode).toBe(2);
    expect(message).toContain('ANTHROPIC_API_KEY');
    expect(message).not.toContain('secret');
  });

  test('is missed with exit 4 and a hint at --simulate, which needs no credential', () => {
    const { exitCode, hint } = failure(() => requireClaude(read()));
    expect({ exitCode, hint }).toEqual({ exitCode: 4, hint: expect.stringContaining('--simulate') });
    expect(requireClaude(read({}, root, { simulate: true })).isSimulated).toBe(true);
  });
});

describe('Temporal', () => {
  test('is embedded unless a variable names another', async () => {
    await write('user/.config/temporalio/temporal.toml', '[profile.default]\naddress = "work:7233"\n');
    const env = { XDG_CONFIG_HOME: join(root, 'user/.config') };
    expect(read(env).temporal).toBeUndefined();
    expect(read({ ...env, TEMPORAL_ADDRESS: '' }).temporal).toBeUndefined();
    const named = read({
      TEMPORAL_ADDRESS: 'other:7233',
      TEMPORAL_NAMESPACE: 'fleets',
      TEMPORAL_API_KEY: 'x',
    }).temporal;
    expect(named).toMatchObject({ address: 'other:7233', namespace: 'fleets', connection: { apiKey: 'x' } });
  });

  test('is refused when its file cannot be read', () => {
    const { exitCode, message } = failure(() => read({ TEMPORAL_CONFIG_FILE: join(root, 'none.toml') }));
    expect({ exitCode, message }).toEqual({ exitCode: 2, message: expect.stringContaining('TEMPORAL_') });
  });
});

describe('settings', () => {
  test('come from the flag, then the project, then the user', async () => {
    await write('user/.config/muster/config.yaml', 'model: user-model\nconcurrency: 7\nprices: p.json\n');
    await write('repo/muster.config.yaml', 'model: project-model\nhome: state\n');
    await mkdir(join(root, 'repo/.git'));
    await mkdir(join(root, 'repo/deep'));
    expect(read({}, join(root, 'repo/deep'))).toMatchObject({
      model: 'project-model',
      concurrency: 7,
      home: join(root, 'repo/state'),
      prices: join(root, 'user/.config/muster/p.json'),
    });
    const flagged = read({ MUSTER_HOME: '/h' }, join(root, 'repo'), { model: 'flag-model', concurrency: 3 });
    expect(flagged).toMatchObject({ model: 'flag-model', concurrency: 3, home: '/h' });
  });

  test.each([
    ['modle: x', 'unknown key "modle"', 'did you mean model?'],
    ['concurrency: many', 'concurrency', 'a whole number'],
    ['concurrency: 0', 'concurrency', 'a whole number'],
    ['model: [', 'muster.config.yaml:1', ''],
    ['- a list', 'keys and values', 'known keys'],
    ['temporalAddress: evil:7233', 'temporalAddress is not read from a project', 'config.yaml'],
    ['"__proto__": 1', 'unknown key "__proto__"', ''],
  ])('of a project such as %j are refused', async (text, what, hint) => {
    await write('muster.config.yaml', text);
    const fault = failure(() => read());
    expect(fault.exitCode).toBe(2);
    expect(fault.message).toContain('muster.config.yaml');
    expect(fault.message).toContain(what);
    expect(fault.hint ?? '').toContain(hint);
  });

  test('name the team, in the environment, the project or for the user; the priority is of the environment alone', async () => {
    expect(read()).toMatchObject({ team: undefined, priority: undefined });
    await write('user/.config/muster/config.yaml', 'team: users');
    expect(read().team).toBe('users');
    await write('muster.config.yaml', 'team: the project');
    expect(read().team).toBe('the project');
    expect(read({ MUSTER_TEAM: 'payments', MUSTER_PRIORITY: '1' })).toMatchObject({ team: 'payments', priority: 1 });
    const tooLong = 'ä'.repeat(33); // 66 bytes
    expect(failure(() => read({ MUSTER_TEAM: tooLong })).message).toMatch(/^MUSTER_TEAM: /);
    for (const wrong of ['0', '6', 'high', '1.5'])
      expect(failure(() => read({ MUSTER_PRIORITY: wrong })).message).toMatch(/^MUSTER_PRIORITY: /);
    await write('muster.config.yaml', `team: ${tooLong}`);
    expect(failure(() => read())).toMatchObject({ exitCode: 2, hint: expect.stringContaining('64 bytes') });
  });

  test('of an empty file say nothing, and of a user may name a Temporal', async () => {
    await write('muster.config.yaml', '# nothing\n');
    expect(read().model).toBeUndefined();
    await write('user/.config/muster/config.yaml', 'temporalAddress: ours:7233');
    expect(read().temporal?.address).toBe('ours:7233');
  });

  test.each([
    [{}, 'auto'],
    [{ NO_COLOR: '1', CLICOLOR_FORCE: '1' }, 'never'],
    [{ NO_COLOR: '', CLICOLOR_FORCE: '1' }, 'always'],
    [{ CLICOLOR_FORCE: '0' }, 'auto'],
  ])('of the environment %j colour %s', (env, color) => {
    expect(read(env).color).toBe(color);
  });

  test.each(['0', 'ten', '-1', '1.5'])('MUSTER_IDLE_EXIT_MS=%s is refused', (value) => {
    expect(failure(() => read({ MUSTER_IDLE_EXIT_MS: value })).message).toContain('MUSTER_IDLE_EXIT_MS');
  });

  test('a symbolic link to a home is followed by whoever opens it, not resolved', async () => {
    await mkdir(join(root, 'real'));
    await symlink(join(root, 'real'), join(root, '.muster'));
    expect(read().home).toBe(join(root, '.muster'));
  });
});

describe('what the operator says', () => {
  const KEY = Buffer.alloc(32, 7).toString('base64');
  const user = 'user/.config/muster/config.yaml';

  test('is confined and closed where nothing is said', () => {
    expect(read().operator).toEqual({
      ...{ sandbox: 'bubblewrap', sandboxReadOnlyPaths: [], egressInternal: [], mcpServers: {}, encryptionKeys: [] },
    });
  });

  test("comes from the user's file, and the environment before it", async () => {
    await write(
      user,
      `sandbox: none
sandboxReadOnlyPaths: [/opt/node, tools]
egressInternal: 10.1.0.0/16
encryptionKeysFile: keys
mcpServers: { files: { command: files-server, env: { TOKEN: "\${FILES_TOKEN}" }, network: true } }
`,
    );
    await write('user/.config/muster/keys', `k1:${KEY}\n`);
    const files = { type: 'stdio', command: 'files-server', args: [], readOnlyPaths: [], network: true };
    expect(read().operator).toEqual({
      sandbox: 'none',
      sandboxReadOnlyPaths: ['/opt/node', join(root, 'user/.config/muster/tools')],
      egressInternal: ['10.1.0.0/16'],
      mcpServers: { files: { ...files, env: { TOKEN: '${FILES_TOKEN}' } } },
      encryptionKeys: [{ id: 'k1', base64: KEY }],
    });
    await write('mcp.json', '{"mcpServers":{"docs":{"url":"https://docs.example/mcp"}}}');
    const env = {
      MUSTER_SANDBOX: 'bubblewrap',
      MUSTER_SANDBOX_PATHS: '/srv',
      MUSTER_EGRESS_INTERNAL: 'fd00::/8, 10.0.0.0/8',
      MUSTER_MCP_CONFIG: join(root, 'mcp.json'),
      MUSTER_ENCRYPTION_KEYS: `k2:${KEY}`,
    };
    expect(read(env).operator).toEqual({
      ...{ sandbox: 'bubblewrap', sandboxReadOnlyPaths: ['/srv'], egressInternal: ['fd00::/8', '10.0.0.0/8'] },
      mcpServers: { docs: { type: 'http', url: 'https://docs.example/mcp', headers: {} } },
      encryptionKeys: [{ id: 'k2', base64: KEY }],
    });
  });

  test.each([
    ...['sandbox: none', 'sandboxReadOnlyPaths: [/]', 'egressInternal: [10.0.0.0/8]', 'mcpServers: {}'],
    'encryptionKeysFile: keys',
  ])("is refused in a checkout, which may be anybody's: %s", async (line) => {
    await write('muster.config.yaml', line);
    const fault = failure(() => read());
    expect(fault).toMatchObject({ exitCode: 2, hint: expect.stringContaining('config.yaml') });
    expect(fault.message).toContain(`${line.split(':')[0]} is not read from a project`);
  });

  test.each([
    ['sandbox: docker', 'sandbox: "docker" is wrong', 'bubblewrap or none'],
    ['egressInternal: [10.0.0.0]', 'egressInternal', '10.1.0.0/16'],
    ['sandboxReadOnlyPaths: [5]', 'sandboxReadOnlyPaths', 'a list of directories'],
    ['mcpServers: { a_b: { command: x } }', '"a_b" is no name', ''],
    ['mcpServers: { a: { comand: x } }', 'mcpServers.a', ''],
    ['mcpServers: [a]', 'mcpServers must hold names', ''],
  ])('that is wrong in its file is named with its key: %s', async (line, message, hint) => {
    await write(user, line);
    const fault = failure(() => read());
    expect(fault.exitCode).toBe(2);
    expect(fault.message).toContain(message);
    expect(fault.hint).toContain(hint);
  });

  test.each([
    ['MUSTER_SANDBOX', 'off', 'MUSTER_SANDBOX: "off" is wrong'],
    ['MUSTER_EGRESS_INTERNAL', 'intranet', 'MUSTER_EGRESS_INTERNAL: "intranet" is wrong'],
    ['MUSTER_ENCRYPTION_KEYS', 'k1:short', 'MUSTER_ENCRYPTION_KEYS: the key k1 is not 32 bytes'],
    ['MUSTER_MCP_CONFIG', 'mcp.json', 'MUSTER_MCP_CONFIG: "mcp.json" is wrong'],
    ['MUSTER_MCP_CONFIG', '/nowhere/mcp.json', 'MUSTER_MCP_CONFIG, /nowhere/mcp.json: ENOENT'],
  ])('that is wrong in %s=%s is named', (key, value, message) => {
    expect(failure(() => read({ [key]: value }))).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(message),
    });
  });
});
