import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOM = fileURLToPath(new URL('../../../activities/observe/', import.meta.url));

/** What a process that logs like this leaves on stderr. */
function logged(body: string): Record<string, unknown>[] {
  const script = `
    import { createLog } from '${ROOM}log.ts';
    import { createRedactor } from '${ROOM}redaction.ts';
    import { withFields, withinSpan } from '${ROOM}within.ts';
    const log = createLog('info', { role: 'test' }, createRedactor(['canary-of-an-operator-4711']));
    ${body}`;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script]);
  expect([status, stderr.toString()]).toEqual([0, expect.any(String)]);
  const lines = stderr.toString().split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a log line', () => {
  it('names what the work under way is about, also after a wait, and nothing of its neighbour', () => {
    const lines = logged(`
      const work = (index) => withFields({ fleetId: 'f', index }, async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        withFields({ tool: 'Bash' }, () => log.info({ n: 1 }, 'inside'));
        log.info('after');
      });
      await Promise.all([work(0), work(1)]);
      log.info('outside');
    `);
    const about = (index: number) => lines.filter((line) => line['index'] === index);
    for (const index of [0, 1])
      expect(about(index)).toEqual([
        expect.objectContaining({ fleetId: 'f', index, tool: 'Bash', n: 1, msg: 'inside', role: 'test' }),
        expect.objectContaining({ fleetId: 'f', index, msg: 'after' }),
      ]);
    expect(about(0)[1]).not.toHaveProperty('tool');
    expect(lines.at(-1)).not.toHaveProperty('fleetId');
  });

  it('names the span it was written in', () => {
    const [line] = logged(`
      withinSpan({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), set() {} }, () => log.info('traced'));
    `);
    expect(line).toMatchObject({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) });
  });

  it('tells what an error says, however its field is called', () => {
    const [line] = logged(`log.warn({ error: new Error('no such key'), err: new Error('mine') }, 'failed');`);
    expect(line).toMatchObject({ error: { message: 'no such key' }, err: { message: 'mine' } });
  });

  it('holds no credential: not in a field that is known for it, not inside a text', () => {
    const lines = logged(`
      log.info({ config: { apiKey: 'k-1', nested: { token: 'k-2' } } }, 'a');
      log.info({ headers: { authorization: 'k-3', 'x-api-key': 'k-4' } }, 'a');
      log.info({ err: new Error('no route for canary-of-an-operator-4711', { cause: new Error('k') }) }, 'b');
      log.info({ password: 'k-5', request: { headers: { cookie: 'k-6' } } }, 'canary-of-an-operator-4711');
    `);
    const text = JSON.stringify(lines);
    expect(lines).toHaveLength(4);
    expect(text).not.toMatch(/k-\d|4711/);
    expect(text.match(/\[hidden\]/g)!.length).toBeGreaterThanOrEqual(8);
  });
});
