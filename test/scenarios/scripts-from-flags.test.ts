import { afterAll, beforeAll, expect, it } from 'vitest';
import { MusterGround, type Ran } from '../support/muster-process.ts';

interface Whole {
  status: string;
  reason?: string;
  result?: unknown;
  census: Record<string, number>;
}

const WIDE = `export const meta = { name: 'wide', description: 'Asks for more than it may' }
const within = await agent('Look.', { label: 'within', permissions: { allow: ['Bash(ls:*)'] } })
const [beyond] = await parallel([() => agent('Look.', { label: 'beyond', permissions: 'full' })])
const why = await agent('Look.', { permissions: 'full' }).catch((error) => error.message)
const inner = await workflow('inner', args)
return { within: typeof within, beyond, why, inner }
`;
const INNER = `export const meta = { name: 'inner', description: 'Is called' }
return (await agent('Look at ' + args.what)).length > 0
`;
const CUT = `export const meta = { name: 'cut', description: 'Is cut off' }
const before = await agent('One.', { label: 'before' })
await approve('go on?')
const after = await agent('Two.', { label: 'after' })
return [typeof before, typeof after]
`;

let ground: MusterGround;
beforeAll(() => {
  ground = new MusterGround({
    'a.txt': 'one\n',
    'cut.js': CUT,
    '.claude/workflows/wide.js': WIDE,
    '.claude/workflows/inner.js': INNER,
  });
});
afterAll(() => ground[Symbol.asyncDispose]());

const json = (...args: string[]): Promise<Ran> => ground.run([...args, '--output-format', 'json']);
const whole = ({ stdout }: Ran): Whole => JSON.parse(stdout) as Whole;

it('a saved script, run by its name, gets no more than --allow leaves it, and runs another with its arguments', async () => {
  const ran = await json('run', 'wide', '--allow', 'Bash(ls:*)', '--args', '{"what":"a"}', '--simulate');
  expect(whole(ran)).toMatchObject({
    ...{ status: 'completed', census: { completed: 2, failed: 0, not_attempted: 0 } },
    result: { within: 'string', beyond: null, why: expect.stringContaining('GRANT_INVALID') as string, inner: true },
  });
  expect(ran.code).toBe(0);
});

it('a script that was cut off goes on where it was when its fleet is retried', async () => {
  const asked = await json('run', 'cut.js', '--simulate');
  expect(whole(asked)).toMatchObject({ status: 'paused', reason: 'approval', census: { completed: 1 } });
  expect(asked.code).toBe(6);
  expect((await ground.run(['cancel', '@latest'])).code).toBe(0);
  expect(whole(await json('status', '@latest'))).toMatchObject({ status: 'cancelled', census: { completed: 1 } });
  expect((await ground.run(['retry', '@latest', '--failed'])).code).toBe(0);
  expect((await ground.run(['approve', '@latest'])).code).toBe(0);
  const done = await json('watch', '@latest');
  expect(whole(done)).toMatchObject({ status: 'completed', result: ['string', 'string'], census: { completed: 2 } });
  expect((await ground.run(['retry', '@latest'])).stderr).toContain('nothing to retry');
});
