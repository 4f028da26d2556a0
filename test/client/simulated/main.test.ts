import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { expect, it, onTestFinished } from 'vitest';

const MAIN = join(import.meta.dirname, '../../../client/simulated/main.ts');

function run(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const [chunk] = (await once(stream, 'data')) as [Buffer];
  return chunk.toString();
}

it('prints its address when ready, serves, journals, and ends on SIGTERM with a call under way', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'simulated-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const journal = join(directory, 'calls.jsonl');
  const child = run(
    '--port',
    '0',
    '--journal',
    journal,
    '--latency',
    '0',
    '--fault',
    '{"kind":"overloaded","count":1}',
  );
  const { url, port, pid } = JSON.parse(await textOf(child.stdout)) as { url: string; port: number; pid: number };
  expect({ url, pid }).toEqual({ url: `http://127.0.0.1:${port}`, pid: child.pid });

  const sdk = new Anthropic({ baseURL: url, apiKey: 'k', maxRetries: 0 });
  const ask = (content: string) =>
    sdk.messages.create({ model: 'claude-haiku-5-5', max_tokens: 100, messages: [{ role: 'user', content }] });
  await expect(ask('first')).rejects.toMatchObject({ status: 529 });
  await ask('second');
  const stalled = ask('third [[simulate latency=60s]]').catch(() => 'gone');
  while (((await (await fetch(`${url}/__simulated/stats`)).json()) as { inFlight: number }).inFlight === 0);

  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(await stalled).toBe('gone');
  const lines = (await readFile(journal, 'utf8')).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { outcome: string }).outcome)).toEqual([
    'refused',
    'answered',
    'cut',
  ]);
});

it.each([
  [['--port', 'x'], '--port x: a whole number is needed'],
  [['--latency', 'soon'], 'not a duration'],
  [['--fault', '{"kind":"earthquake"}'], 'unknown kind'],
  [['--scripts', '/nowhere.ts'], '/nowhere.ts'],
  [['--nonsense'], '--nonsense'],
])('says what is wrong with %j and exits with 2', async (args, message) => {
  const child = run(...args);
  const [said, [code]] = await Promise.all([textOf(child.stderr), once(child, 'exit') as Promise<[number]>]);
  expect(said).toContain(message);
  expect(code).toBe(2);
});
