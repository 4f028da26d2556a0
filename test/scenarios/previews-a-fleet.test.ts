import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MusterGround, type Ran } from '../support/muster-process.ts';

interface Printed {
  id: string;
  status: string;
  reason?: string;
  census: Record<string, number>;
  targets: { eligible: number; scouts: number; remaining: number };
  forecast: { basis: number; total_cost_usd: { p50: number; low: number; high: number } } | null;
  results: { label: string; status: string; reused_from?: string }[];
}

const TIDY = `
name: tidy
targets: ['lib-*/']
eligible: test ! -f opted-out
task: { prompt: 'Tidy. [[simulate edit=x.js old="const" new="let"]]' }
rollout: { waves: [3, 100%], gate: { approval: true } }
`;
const VOTE = `
name: vote
tasks:
${Array.from({ length: 6 }, (_, i) => `  - { label: v${i}, prompt: 'vote', workingDirectory: lib-0 }`).join('\n')}
`;

const printed = ({ stdout }: Ran): Printed => JSON.parse(stdout) as Printed;

/** The real program, server, worker and simulated Claude in one home. */
describe('a preview', () => {
  let ground: MusterGround;
  beforeAll(() => {
    ground = new MusterGround({ 'lib-9/opted-out': '' });
    for (let i = 0; i < 9; i++) ground.write(`lib-${i}/x.js`, `export const x = ${i};\n`);
    ground.write('tidy.yaml', TIDY);
    ground.write('vote.yaml', VOTE);
    ground.write('script.js', "export const meta = { name: 's', description: 'd' };\nreturn 1;\n");
    ground.write('nobody.yaml', TIDY.replace('! -f opted-out', '-f nowhere'));
  });
  afterAll(() => ground[Symbol.asyncDispose]());

  const json = async (...args: string[]): Promise<Printed & { code: number | null }> => {
    const ran = await ground.run([...args, '--simulate', '--quiet', '--output-format', 'json']);
    return { ...printed(ran), code: ran.code };
  };

  it('runs the first wave alone, and a later run takes it over and stops at the gate', async () => {
    const preview = await json('preview', 'tidy.yaml');
    expect(preview).toMatchObject({
      ...{ code: 0, status: 'completed', census: { completed: 3 } },
      targets: { eligible: 9, scouts: 3, remaining: 6 },
      forecast: { basis: 3 },
    });
    const { low, p50, high } = preview.forecast!.total_cost_usd;
    expect([low, p50, high]).toEqual([low, p50, high].toSorted((a, b) => a - b));
    // Nothing was applied.
    expect(readFileSync(`${ground.directory}/lib-0/x.js`, 'utf8')).toBe('export const x = 0;\n');

    const run = await json('run', 'tidy.yaml');
    expect(run).toMatchObject({ code: 6, status: 'paused', reason: 'approval', census: { completed: 3 } });
    const wave = run.results.filter(({ status }) => status === 'completed');
    expect(wave.map(({ label }) => label).toSorted()).toEqual(preview.results.map(({ label }) => label).toSorted());
    for (const { label, reused_from } of wave) expect(reused_from).toBe(`${preview.id}/${label}`);

    // The gate knows what they cost, though they cost nothing here.
    const approved = await ground.run(['approve', run.id]);
    expect(approved.code).toBe(0);
    expect(approved.stderr).toMatch(/wave 2 of 2: 6 targets after 3 scouts \(3\/3 completed/);
    expect(approved.stderr).toMatch(/cost: p50 \$[\d.]+, p90 \$[\d.]+ \(90 %: \$[\d.]+–\$[\d.]+\)/);
    const ended = await ground.run(['watch', run.id, '--quiet', '--output-format', 'json']);
    expect(printed(ended)).toMatchObject({
      status: 'completed',
      census: { completed: 9, skipped: 1 },
    });
  });

  it('has as many of equal tasks taken over as it has run', async () => {
    const preview = await json('preview', 'vote.yaml', '--limit', '4');
    expect(preview.census).toMatchObject({ completed: 4 });
    const run = await json('run', 'vote.yaml');
    expect(run).toMatchObject({ code: 0, census: { completed: 6 } });
    const taken = run.results.flatMap(({ reused_from }) => reused_from ?? []);
    expect(taken.toSorted()).toEqual(preview.results.map(({ label }) => `${preview.id}/${label}`).toSorted());
  });

  it('refuses a script, and has nothing to do where nobody is eligible', async () => {
    const script = await ground.run(['preview', 'script.js', '--simulate']);
    expect(script).toMatchObject({ code: 2, stdout: '' });
    expect(script.stderr).toMatch(/scripts are not previewed.*\n.*muster validate script\.js/);
    const nobody = await json('preview', 'nobody.yaml');
    expect(nobody).toMatchObject({ code: 0, targets: { eligible: 0, scouts: 0 }, forecast: null, results: [] });
  });
});
