import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../client/config.ts';
import { loadPlan } from '../../../client/cli/load-plan.ts';
import { spendingText } from '../../../client/cli/confirmation.ts';
import { OUTPUT_SCHEMA, PROMPT, writeFleetFile } from '../../../client/demo/fleet-file.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

describe('writeFleetFile', () => {
  it('writes a file that muster takes without a warning: one subagent a repository, each with its budget', async () => {
    await using root = await temporaryDirectory();
    for (const label of ['a', 'b-1.0.0']) await mkdir(join(root.path, label));
    const file = await writeFleetFile(root.path, ['a', 'b-1.0.0'], "node 'x/${{ target.name }}'");
    const plan = await loadPlan(file, {}, readConfig({}, root.path));
    expect(plan.warnings).toEqual([]);
    expect(plan.tasks.map(({ label, workspace }) => [label, workspace])).toEqual([
      ['a', { directory: join(root.path, 'a') }],
      ['b-1.0.0', { directory: join(root.path, 'b-1.0.0') }],
    ]);
    expect(plan.tasks[0]).toMatchObject({ prompt: PROMPT, outputSchema: OUTPUT_SCHEMA, maxTurns: 60 });
    expect(plan.tasks.map(({ verify }) => verify)).toEqual([
      [{ name: 'as before', run: "node 'x/a'", timeoutMs: 300_000 }],
      [{ name: 'as before', run: "node 'x/b-1.0.0'", timeoutMs: 300_000 }],
    ]);
    expect(spendingText(plan)).toBe('2 subagents on claude-sonnet-5-5, budget $25.00, worst case $4.00');
  });
});
