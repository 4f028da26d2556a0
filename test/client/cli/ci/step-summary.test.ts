import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addToSummary, startedSummary, stepSummary } from '../../../../client/cli/ci/step-summary.ts';
import { Tally } from '../../../../client/cli/tally.ts';
import { syntheticResult } from '../../../../activities/artifacts/synthetic-result.ts';
import { emptyCensus, type SubagentStatus } from '../../../../workflows/contract/statuses.ts';
import type { FleetStatus } from '../../../../workflows/contract/messages.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const MIB = 1_048_576;

function fleet(more: Partial<FleetStatus> = {}): FleetStatus {
  return {
    ...{ v: 1, id: 'k3v9x2ab', name: 'nightly', state: 'completed', count: 3, generation: 1, concurrency: 5 },
    census: { ...emptyCensus(), completed: 2, failed: 1 },
    ...{ waiting: 0, queued: 0, running: 0, parked: 0, budgetMicroUsd: 5_000_000, spentMicroUsd: 1_230_000 },
    ...{ startedAtMs: 1_000, endedAtMs: 91_000 },
    ...more,
  };
}

function tally(...ends: [label: string, status: SubagentStatus, message: string][]): Tally {
  const all = new Tally();
  for (const [index, [label, status, message]] of ends.entries()) {
    const end = { status, error: { type: 'Verify.Failed', message }, atMs: 0, isSimulated: true };
    all.count(index, syntheticResult({ label, model: 'm' }, end));
  }
  return all;
}

describe('a step summary', () => {
  it('tells census, cost, failures by kind and what to do next, as Markdown', () => {
    const failed = tally(['a', 'failed', 'tests failed'], ['b', 'failed', 'tests failed'], ['c', 'failed', 'no disk']);
    const text = stepSummary(fleet({ census: { ...emptyCensus(), completed: 1, failed: 3 }, count: 4 }), failed, true);
    expect(text).toMatch(
      /^### nightly: completed\n\nFleet `k3v9x2ab`, simulated, cost \$1\.23 of \$5\.00, time 1m 30s\./,
    );
    expect(text).toContain('| completed | failed | in all |\n| ---: | ---: | ---: |\n| 1 | 3 | 4 |\n');
    expect(text).toMatch(/^- 2 × `Verify\.Failed`: tests failed \(a, b\) `\w+`$/m);
    expect(text).toMatch(/```sh\nmuster results k3v9x2ab\nmuster retry k3v9x2ab --failed\n```\n\n$/);
  });

  it('lets no name, label or message of others break out of it', () => {
    const evil = '</details><img src=x>\n# Not a heading | `code` [link](http://x)';
    const text = stepSummary(fleet({ name: evil }), tally([evil, 'failed', evil]), false);
    expect(text).not.toMatch(/<img|^# /m);
    expect(text.split('\n').filter((line) => line.includes('Not a heading'))).toHaveLength(2);
    expect(startedSummary('k3v9x2ab', evil)).not.toMatch(/<img|^# /m);
  });

  it('stays small, however many kinds of failure and however long their words', () => {
    const words = ['disk', 'net', 'lock', 'type', 'test', 'lint', 'auth', 'time'];
    const many = Array.from({ length: 2_000 }, (_, i): [string, 'failed', string] => {
      const kind = [...i.toString(8)].map((digit) => words[Number(digit)]).join(' ');
      return [`${'l'.repeat(500)}${i}`, 'failed', kind.repeat(300)];
    });
    const text = stepSummary(fleet({ count: 2_000 }), tally(...many), false);
    expect(text.length).toBeLessThan(20_000);
    expect(text).toMatch(/and [\d,]+ other kinds/);
  });
});

describe('addToSummary', () => {
  it('adds behind what is there, and makes the file where there is none', async () => {
    await using place = await temporaryDirectory();
    const file = join(place.path, 'summary.md');
    expect(addToSummary(file, 'one\n')).toBeUndefined();
    expect(addToSummary(file, 'two\n')).toBeUndefined();
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n');
  });

  it('leaves a file alone that would pass the 1 MiB GitHub takes, and says so', async () => {
    await using place = await temporaryDirectory();
    const file = join(place.path, 'summary.md');
    writeFileSync(file, 'x'.repeat(MIB - 4));
    expect(addToSummary(file, 'four')).toBeUndefined();
    expect(addToSummary(file, 'é')).toMatch(/full/);
    expect(readFileSync(file).length).toBe(MIB);
  });

  it('says what is wrong with the file in place of failing', async () => {
    await using place = await temporaryDirectory();
    expect(addToSummary(join(place.path, 'none', 'summary.md'), 'x')).toMatch(/cannot be written: ENOENT/);
    expect(addToSummary(place.path, 'x')).toMatch(/cannot be written: EISDIR/);
  });
});
