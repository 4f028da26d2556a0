import { describe, expect, it } from 'vitest';
import { MusterGround } from '../../support/muster-process.ts';

const REVIEW = `export const meta = {
  name: 'review', description: 'Reviews what changed',
  phases: [{ title: 'Survey' }, { title: 'Review', detail: 'each folder', model: 'opus' }],
}
phase('Survey')
return await agent('Look around.')
`;
const BROKEN = "export const meta = { name: 'x', description: 'y' }\nconst a: string = 'b'\n";
const WAVES = `name: moves
targets: ["*/"]
eligible: test ! -f no
rollout: { waves: [1, 100%], gate: { approval: true } }
task: { prompt: Look. }
`;

describe('validate and targets of scripts and waves', () => {
  it('say what a script is, and where it is at fault', async () => {
    await using ground = new MusterGround({
      'review.js': REVIEW,
      '.claude/workflows/saved.js': REVIEW,
      'b.js': BROKEN,
    });
    const [text, json, saved, broken, targets] = await Promise.all([
      ground.run(['validate', 'review.js']),
      ground.run(['validate', 'review.js', '--output-format', 'json']),
      ground.run(['validate', 'saved']),
      ground.run(['validate', 'b.js']),
      ground.run(['targets', 'review.js']),
    ]);
    expect(text).toEqual({
      code: 0,
      stdout: 'review.js is valid: review, Reviews what changed\n  1. Survey\n  2. Review  each folder, opus\n',
      stderr: '',
    });
    expect(JSON.parse(json.stdout)).toMatchObject({
      ...{ ok: true, kind: 'script', name: 'review', description: 'Reviews what changed' },
      phases: [{ title: 'Survey' }, { title: 'Review', model: 'opus' }],
    });
    expect(saved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^saved is valid: review,/) as string });
    expect(broken).toMatchObject({ code: 2, stdout: '' });
    expect(broken.stderr).toMatch(/^b\.js:2:8: .*TypeScript.*\n1 fault; nothing was started\n$/);
    expect(targets).toEqual({
      code: 0,
      stdout: '',
      stderr: 'review.js is a workflow script and has no targets: it decides while it runs\n',
    });
    expect(ground.hasHome).toBe(false);
  });

  it('show the wave of each target that is eligible', async () => {
    await using ground = new MusterGround({ 'f.yaml': WAVES, 'a/x': '', 'b/no': '', 'c/x': '', 'd/x': '' });
    const [text, json] = await Promise.all([
      ground.run(['targets', 'f.yaml']),
      ground.run(['targets', 'f.yaml', '--output-format', 'json']),
    ]);
    expect(text.stderr).toBe('4 targets, 3 eligible, in 2 waves\n');
    expect(text.stdout.match(/wave \d|not eligible/g)!.sort()).toEqual(['not eligible', 'wave 1', 'wave 2', 'wave 2']);
    const targets = JSON.parse(json.stdout) as { label: string; wave?: number }[];
    expect(targets.find(({ label }) => label === 'b')).not.toHaveProperty('wave');
    expect(targets.filter(({ wave }) => wave === 1)).toHaveLength(1);
  });
});
