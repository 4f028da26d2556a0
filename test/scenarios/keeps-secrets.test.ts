import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { API_KEY, Cluster, type TaskOf } from '../support/cluster.ts';

/** In the worker's environment, as an operator's tokens are. */
const OPERATOR_TOKEN = 'operator-canary-9fK2vX7qLm3T';
/** In a file of the repository, by mistake: it is the repository's, but nobody else is to learn it. */
const REPOSITORY_TOKEN = `ghp_${'Canary7Q'.repeat(5)}`.slice(0, 40);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ env: { GITHUB_TOKEN: OPERATOR_TOKEN, MUSTER_LOG_LEVEL: 'debug' } });
  await mkdir(join(cluster.files, 'config'));
  await writeFile(join(cluster.files, 'config/.env'), `TOKEN=${REPOSITORY_TOKEN}\n`);
});
afterAll(() => cluster[Symbol.asyncDispose]());

const calls = (...steps: [name: string, input: Record<string, unknown>][]): TaskOf => ({
  prompt: steps.map(([name, input]) => `[[simulate call=${name} input='${quotable(input)}']]`).join(' '),
  permissions: { allow: ['Read', 'Edit', 'Bash'], deny: [], mode: 'dontAsk' },
});
const quotable = (input: object): string => JSON.stringify(input).replace(/[\\']/g, '\\$&');
const bash = (command: string): [string, Record<string, unknown>] => ['Bash', { command }];

it('no secret of a worker, and none of a repository, is in anything that is kept', async () => {
  const worker = cluster.workers[0]!;
  const fleet = await cluster.submit([
    calls(bash('env; set; cat /proc/*/environ | tr "\\0" "\\n"; cat /proc/*/cmdline')),
    calls(bash('for p in /proc/[0-9]*; do base64 -w0 $p/environ; xxd -p $p/environ; done 2>&1')),
    calls(['Read', { file_path: `/proc/${worker.pid.toString()}/environ` }], ['Read', { file_path: worker.log }]),
    calls(bash(`cat ${worker.log} ${cluster.home}/*; find / -name "*.log" -newer /etc/hostname 2>/dev/null | head`)),
    calls(['Read', { file_path: 'config/.env' }], ['Grep', { pattern: 'TOKEN', output_mode: 'content' }]),
    calls(bash('cat config/.env; base64 config/.env | tee copy.b64 >/dev/null; cp config/.env copy.env')),
  ]);
  const ended = await cluster.until(fleet, ({ state }) => state === 'completed');
  const results = await cluster.results(fleet);
  expect(results.map(({ status, error }) => error ?? status)).toEqual(Array(6).fill('completed'));
  expect(ended.census.completed).toBe(6);
  const transcripts = await Promise.all(results.map(({ transcript }) => cluster.store.get(transcript!)));
  const told = [JSON.stringify(results), ...transcripts.map((bytes) => Buffer.from(bytes).toString())].join('\n');
  // The calls were made and answered, or this proves nothing.
  expect(told.match(/"type":"tool_call"/g)?.length).toBeGreaterThanOrEqual(8);
  expect(told).toContain('[hidden]');
  expect(spelledIn(Buffer.from(told), REPOSITORY_TOKEN)).toEqual([]);

  const kept = [...filesBelow(cluster.home), ...filesBelow(cluster.server.data)];
  expect(kept.length).toBeGreaterThan(20);
  const logs = cluster.workers.map(({ log }) => log);
  const leaks = kept.flatMap((file) => {
    const secrets = file === logs[0] || file.startsWith(cluster.server.data) ? [REPOSITORY_TOKEN] : [];
    return [API_KEY, OPERATOR_TOKEN, ...secrets].flatMap((secret) => leaksOf(file, secret));
  });
  expect(leaks).toEqual([]);
});

function leaksOf(file: string, secret: string): string[] {
  // What a living server or worker has removed since the listing is not kept.
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  return [bytes, ...unpacked(bytes)].flatMap((content) => spelledIn(content, secret)).map((how) => `${file}: ${how}`);
}

function unpacked(bytes: Buffer): Buffer[] {
  return [gunzipSync, inflateSync].flatMap((unpack) => {
    try {
      return [unpack(bytes)];
    } catch {
      return [];
    }
  });
}

/** How a secret is spelled in these bytes: written here independently of what hides it. */
function spelledIn(bytes: Buffer, secret: string): string[] {
  const base64 = [0, 1, 2].map((before) =>
    Buffer.from(`${'x'.repeat(before)}${secret}`)
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  );
  const spellings: [how: string, text: string][] = [
    ['as it is', secret],
    ['backwards', [...secret].reverse().join('')],
    ['hex', Buffer.from(secret).toString('hex')],
    ['percent', encodeURIComponent(secret)],
    ...base64.map((text): [string, string] => ['base64', text]),
    ...base64.map((text): [string, string] => ['base64url', text.replaceAll('+', '-').replaceAll('/', '_')]),
  ];
  return [...new Set(spellings.filter(([, text]) => bytes.includes(text)).map(([how]) => how))];
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
