import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { writeReport } from '../../../client/demo/report.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { fleet, outcome, result, use } from './results.ts';

describe('writeReport', () => {
  it('writes a page for people and the data it was made of', async () => {
    await using root = await temporaryDirectory();
    const run = fleet([result('a'), result('b')], { simulated: true });
    const outcomes = [outcome('a'), outcome('b', { verification: { error: 'no way', files: [] } })];
    const files = await writeReport(`${root.path}/new`, run, outcomes, { command: 'npx muster', noSandbox: undefined });
    const page = await readFile(files.report, 'utf8');
    expect(page).toContain('- Model claude-sonnet-5-5; cost $0.50 (simulated Claude');
    expect(page).toContain('- 2 uses, 2 of them migratable, 2 migrated; 1 changed file, 1 not in order');
    expect(page).toContain('## Not in order\n\n- b: no way\n');
    expect(page).toContain('| a | a 1.0.0 | 1 | 1 | 1 | 1 | yes | parsed 1, own tests 2 | $0.25 |');
    expect(page).toContain('| b | b 1.0.0 | 1 | 1 | 1 | 0 | NOT APPLIED | parsed 1, own tests 2 | $0.25 |');
    expect(page).toContain('| a.js:1 | String.prototype.substr | migrated | slice takes the same start |');
    expect(page).toContain('- Verified: 2 repositories in the sandbox');
    const raw = JSON.parse(await readFile(files.raw, 'utf8')) as Record<string, unknown>;
    expect(raw).toMatchObject({ fleet: { id: 'abc123' }, totals: { broken: 1 }, repositories: outcomes });
    expect(raw['results']).toHaveLength(2);
  });

  it('lets nothing a model wrote become a row, a link or HTML of its own', async () => {
    await using root = await temporaryDirectory();
    const uses = [use({ note: 'a | b\n| c', api: '<img src=x>', migrated: false, migratable: false })];
    const answer = { uses, summary: '[click](http://evil)' };
    const { report } = await writeReport(root.path, fleet([result('a')]), [outcome('a', { answer })], {
      ...{ command: 'muster', noSandbox: 'none starts' },
    });
    const page = await readFile(report, 'utf8');
    expect(page).toContain('| a.js:1 | \\<img src=x\\> | needs a decision | a \\| b \\| c |');
    expect(page).toContain('- Verified: not in a sandbox (none starts)');
    expect(page).toContain('\\[click\\](http://evil)');
  });
});
