import picocolors from 'picocolors';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { previewText, type Preview, type Previewed } from '../../../client/cli/preview-text.ts';
import type { FleetPlan } from '../../../client/spec/plan.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';
import { ended, failed } from '../../activities/rollout/wave-world.ts';
import { FleetDirectory } from '../spec/fleet-directory.ts';

const plain = picocolors.createColors(false);
const USD = 1_000_000;
const PATCH = `diff --git a/x.js b/x.js\nindex 1..2 100644\n--- a/x.js\n+++ b/x.js\n@@ -1 +1 @@\n-a\n+b\n`;
const changes = { files: ['x.js'], insertions: 1, deletions: 1, patch: 'sha256:0' };

let directory: FleetDirectory;
let whole: FleetPlan;
beforeEach(async () => {
  directory = new FleetDirectory();
  whole = await directory.load('tasks: [{ prompt: a }]\nmaxBudgetUsd: 30\n');
});
afterEach(() => directory[Symbol.dispose]());

const text = (results: Result[], more: Partial<Preview> = {}, of: Partial<Previewed> = {}): Promise<string> =>
  previewText(
    { id: 'f', isOpen: false, results, patchOf: async () => PATCH, ...of },
    {
      ...{ file: 'fleet.yaml', flags: { outputFormat: 'text' }, whole, eligible: 90, remaining: 85 },
      forecast: {
        ...{ basis: 5, isThin: false },
        costMicroUsd: { p50: 38 * USD, p90: 52 * USD, low: 29 * USD, high: 61 * USD },
        timeMs: { p50: 60_000, p90: 90_000, low: 30_000, high: 120_000 },
      },
      ...more,
    },
    plain,
  );

it('shows of each scout its end, cost, change and verification, and of a failed one why', async () => {
  const shown = await text([ended('lib-a', { changes }), failed('lib-b', 'tests failed')]);
  expect(shown).toContain(`lib-a: completed, $0.40, 1m 00s, +1 −1 in 1 file
  verify: tests passed after 1 ms
    --- a/x.js
    +++ b/x.js
    @@ -1 +1 @@
    -a
    +b
`);
  expect(shown).toContain('lib-b: failed, $0.40, 1m 00s, no file changed\n  Verify.Failed: tests failed\n');
  expect(shown).toContain('cost: p50 $38, p90 $52 (90 %: $29–$61)');
});

it('cuts a long patch and a long answer, and lets neither drive the terminal', async () => {
  const patchOf = async (): Promise<string> => `+\u001b[2J\n`.repeat(60);
  const long = await text(
    [ended('a', { changes }), ended('b', { output: 'word\u0007\n'.repeat(50) })],
    {},
    { patchOf },
  );
  expect(long).toContain('… 36 lines more');
  expect(long).toContain('… 44 lines more');
  expect(long).not.toMatch(/[\u0007\u001b]/);
});

it('warns of a budget that may not be enough, unless it is that of the preview alone', async () => {
  expect(await text([ended('a')])).toContain('the budget of $30.00 may not be enough');
  expect(await text([ended('a')], { flags: { outputFormat: 'text', budget: 30 } })).not.toContain('may not be enough');
});

it('names the run that takes the results over, with all that shapes them', async () => {
  const flags = {
    outputFormat: 'text',
    param: { to: "it's" },
    model: 'claude-opus-5',
    simulate: true,
    limit: 3,
  } as const;
  expect(await text([ended('a')], { file: 'my fleet.yaml', flags })).toContain(
    String.raw`muster run 'my fleet.yaml' -p 'to=it'\''s' --model claude-opus-5 --simulate   all of it; 1 result here`,
  );
});

it('asks for --reuse where subagents saw the web, whose results no other fleet takes over by itself', async () => {
  const web = await directory.load("tasks: [{ prompt: a, permissions: { allow: ['WebFetch(domain:a.test)'] } }]\n");
  expect(await text([ended('a')], { whole: web })).toContain('muster run fleet.yaml --reuse');
});

it('says when nothing is left, nothing is known, or not all have ended', async () => {
  expect(await text([ended('a')], { eligible: 1, remaining: 0 })).toContain(
    'nothing is left to forecast: 1 of 1 target completed',
  );
  expect(await text([failed('a', 'no')], { forecast: undefined })).toContain('no forecast for 85 targets');
  expect(await text([], {}, { isOpen: true })).toContain('`muster watch f` goes on');
});
