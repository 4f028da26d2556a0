import { describe, expect, it } from 'vitest';
import { FailureClusters, clusterSignature, normalisedError } from '../../../client/fleet-client/failure-clusters.ts';

const failed = (label: string, message: string, type = 'Workspace.Unavailable') => ({
  label,
  error: { type, message },
});

describe('failure clusters', () => {
  it('take out what differs from target to target', () => {
    const same = [
      'cannot read /home/a/repo-1/src/x.ts: line 17 (req_011CQ) of "lib-a"',
      'cannot read /srv/b/y.js: line 4,812 (req_77Zx) of "other"',
    ];
    expect(new Set(same.map(normalisedError)).size).toBe(1);
    expect(normalisedError('see https://x.test/1?a=b now')).toBe('see <url> now');
    expect(normalisedError('commit 4f2a9bc01de failed')).toBe('commit <id> failed');
  });

  it('group by type and text, largest first, with a few labels and a stable signature', () => {
    const clusters = new FailureClusters();
    clusters.add(failed('one', 'the disk is gone', 'Subagent.Internal'));
    for (let i = 0; i < 5; i++) clusters.add(failed(`repo-${i}`, `clone ${i} failed`));
    const [first, second] = clusters.all;
    expect(first).toMatchObject({ count: 5, labels: ['repo-0', 'repo-1', 'repo-2'], message: 'clone 0 failed' });
    expect(second).toMatchObject({ count: 1, type: 'Subagent.Internal' });
    expect(first!.signature).toBe(clusterSignature(failed('other', 'clone 77 failed')));
    expect(first!.signature).toMatch(/^[0-9a-f]{6}$/);
  });

  it('know no cluster of a result without an error', () => {
    expect(clusterSignature({})).toBeUndefined();
  });
});
