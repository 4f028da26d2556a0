import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FleetDirectory } from './fleet-directory.ts';

let directory: FleetDirectory;
beforeEach(() => {
  directory = new FleetDirectory();
});
afterEach(() => directory[Symbol.dispose]());

const load = async (env: unknown, environment: Record<string, string> = {}) =>
  (await directory.load(JSON.stringify([{ prompt: 'a', env }]), { as: 'tasks.json', environment })).tasks[0]!.env;
const faults = async (env: unknown, environment: Record<string, string> = {}): Promise<string> =>
  (await directory.faults(JSON.stringify([{ prompt: 'a', env }]), { as: 'tasks.json', environment })).join('\n');

const TOKEN = `ghp_${'a1B2'.repeat(9)}`;

describe('the environment of a task', () => {
  test('takes names from here and pairs as they are, and no other name', async () => {
    expect(await load(['CI', 'LANG'], { CI: '1', LANG: 'C', OTHER: 'x' })).toEqual({ CI: '1', LANG: 'C' });
    expect(await load({ EMPTY: '', MODE: 'a b' }, { MODE: 'of here' })).toEqual({ EMPTY: '', MODE: 'a b' });
  });

  test.each([
    ...['GITHUB_TOKEN', 'token', 'DB_PASSWORD', 'SECRET_SAUCE', 'API_KEY', 'OPENAI_APIKEY', 'AWS_REGION', 'NPM_AUTH'],
    ...['GOOGLE_APPLICATION_CREDENTIALS', 'SSH_PRIVATE_KEY', 'ANTHROPIC_BASE_URL', 'MUSTER_HOME', 'TEMPORAL_ADDRESS'],
  ])('refuses %s: secrets do not enter a sandbox', async (name) => {
    expect(await faults([name], { [name]: 'hidden-value' })).toContain(
      `the variable ${name} holds a secret; remove it`,
    );
    expect(await faults({ [name]: 'hidden-value' })).not.toContain('hidden-value');
  });

  test.each(['TOKENIZER', 'AUTHOR', 'KEYBOARD', 'SECRETARY', 'MONKEY'])(
    'takes %s, which only sounds like one',
    async (name) => {
      expect(await load({ [name]: 'x' })).toEqual({ [name]: 'x' });
    },
  );

  test.each([
    ...['LD_PRELOAD', 'DYLD_INSERT_LIBRARIES', 'BASH_ENV', 'ENV', 'PROMPT_COMMAND', 'IFS', 'PATH', 'HOME', 'SHELLOPTS'],
    ...['NODE_OPTIONS', 'PYTHONSTARTUP', 'GIT_SSH_COMMAND', 'PERL5OPT', 'RUBYOPT', 'BASH_FUNC_ls', 'https_proxy'],
  ])('refuses %s, by which programs run others', async (name) => {
    expect(await faults({ [name]: 'x' })).toContain(`the variable ${name} decides what programs run`);
  });

  test('refuses a value that looks like a token, under any name and from anywhere, without quoting it', async () => {
    for (const said of [await faults({ NOTE: TOKEN }), await faults(['NOTE'], { NOTE: TOKEN })]) {
      expect(said).toContain('the value of NOTE looks like a secret (GitHub token)');
      expect(said).not.toContain(TOKEN);
    }
  });

  test.each([
    ['a name that is not set', ['CII'], 'tasks.json:1:23: the variable CII is not set here; set it, or write CI'],
    ['no name', { 'A-B': 'x' }, '"A-B" is no name of a variable'],
    ['a function', { 'A()': 'x' }, '"A()" is no name of a variable'],
    ['a NUL', { A: 'a\0b' }, 'the value of A holds a NUL'],
    ['too long a value', { A: 'x'.repeat(32 * 1_024 + 1) }, 'has 32769 bytes, more than 32768'],
    ['too many', Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`A${i}`, 'x'])), '101 names, more than 100'],
  ])('refuses %s', async (_, env, text) => {
    expect(await faults(env, { CI: '1' })).toContain(text);
  });
});
