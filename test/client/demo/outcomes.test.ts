import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { runGit } from '../../../activities/workspace/git.ts';
import { countUses, readOutcomes, totalsOf } from '../../../client/demo/outcomes.ts';
import type { DemoRepository } from '../../../client/demo/repositories.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { outcome, result, use } from './results.ts';

const repository = (label: string): DemoRepository => ({
  ...{ label, name: label, version: '1.0.0', commit: '', files: 1, sourceBytes: 1 },
});

async function commit(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'a.js'), 'f(s.substr(1));\n');
  await writeFile(join(directory, 'package.json'), '{}');
  for (const args of [
    ['init', '--quiet'],
    ['add', '--all'],
    ['commit', '--quiet', '--message', 'base'],
  ])
    await runGit(args, { cwd: directory });
}

const verified = (ok: boolean, tests: string[]) => {
  const said = { parsed: ['a.js'], tests, broken: ok ? [] : ['a.js'] };
  return [{ name: 'as before', ok, exit_code: ok ? 0 : 1, duration_ms: 1, tail: `verified ${JSON.stringify(said)}\n` }];
};

const patchTo = (line: string): Buffer =>
  Buffer.from(`diff --git a/a.js b/a.js\n--- a/a.js\n+++ b/a.js\n@@ -1 +1 @@\n-f(s.substr(1));\n+${line}\n`);

describe('readOutcomes', () => {
  it('verifies each patch of the fleet by itself, in the order of the repositories', async () => {
    await using root = await temporaryDirectory();
    const store = await DiskStore.open(join(root.path, 'artifacts'));
    const changes = async (line: string) => ({
      changes: { files: ['a.js'], insertions: 1, deletions: 1, patch: await store.put(patchTo(line)) },
      structured_output: { uses: [use()], summary: 'done' },
    });
    for (const label of ['good', 'broken']) await commit(join(root.path, label));
    const results = [
      result('failed', { status: 'failed', error: { type: 'Claude.Refused', message: 'no' } }),
      result('broken', { ...(await changes('f(s.slice(1);')), verify: verified(false, []) }),
      result('good', {
        ...(await changes('f(s.slice(1));')),
        verify: verified(true, ['t.js']),
        reused_from: 'old/good',
        total_cost_usd: 0,
      }),
    ];
    const seen: string[] = [];
    const outcomes = await readOutcomes(['good', 'broken', 'failed', 'never-ended'].map(repository), results, {
      ...{ store, directory: root.path, onProgress: (done, total) => void seen.push(`${done}/${total}`) },
    });
    expect(outcomes.map(({ label }) => label)).toEqual(['good', 'broken', 'failed']);
    expect(outcomes[0]).toMatchObject({
      verification: { files: [{ path: 'a.js', ok: true }] },
      reusedFrom: 'old/good',
    });
    expect(outcomes[1]?.verification?.files).toMatchObject([{ path: 'a.js', ok: false }]);
    expect(outcomes.map(({ sandboxed }) => sandboxed?.ok)).toEqual([true, false, undefined]);
    expect(outcomes[2]).toMatchObject({ status: 'failed', error: 'Claude.Refused: no', answer: undefined });
    expect(seen).toEqual(['1/2', '2/2']);
    expect(totalsOf(outcomes)).toEqual({
      ...{ uses: 2, migratable: 2, migrated: 2, changed: 2, broken: 1, costUsd: 0.5, reused: 1 },
      ...{ verified: 1, tested: 1, unverified: 1 },
    });
  });
});

describe('counting', () => {
  it('keeps what can be migrated and what was apart', () => {
    const uses = [use(), use({ migrated: false }), use({ migratable: false, migrated: false })];
    expect(countUses(outcome('a', { answer: { uses, summary: '' } }))).toEqual({ uses: 3, migratable: 2, migrated: 1 });
  });

  it('takes a patch that does not apply as broken, although no file of it could be parsed', () => {
    const totals = totalsOf([outcome('a', { verification: { error: 'does not apply', files: [] } })]);
    expect(totals).toMatchObject({ changed: 0, broken: 1 });
  });
});
