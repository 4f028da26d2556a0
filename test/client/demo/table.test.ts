import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { endingText, outcomeTable, troubleLines } from '../../../client/demo/table.ts';
import { fleet, outcome, result, use } from './results.ts';

const paint = picocolors.createColors(false);
const unchanged = { ok: true, parsed: 0, tests: 0, broken: [] };
const nothing = { answer: { uses: [], summary: '' }, verification: undefined, sandboxed: unchanged };
const broken = { verification: { files: [{ path: 'a.js', ok: false, error: 'line 3: SyntaxError: oh\u001b[2J' }] } };
const options = { durationMs: 61_000, report: 'r.md', raw: 'r.json', command: 'npx muster', noSandbox: undefined };

describe('outcomeTable', () => {
  it('has a row a repository, those with most to do last, and a sum', () => {
    const text = outcomeTable([outcome('busy'), outcome('idle', nothing)], paint);
    expect(text.split('\n')).toEqual([
      'repository  uses  migratable  migrated  files  parses  in the sandbox         cost',
      'idle           0           0         0      0  -       -                      $0.250',
      'busy           1           1         1      1  yes     parsed 1, own tests 2  $0.250',
      '2 in all       1           1         1      1  yes     verified 1             $0.500',
    ]);
  });

  it('shows a file that does not parse, a patch that does not apply and a subagent that failed', () => {
    const text = outcomeTable(
      [
        outcome('a', broken),
        outcome('b', { verification: { error: 'no', files: [] } }),
        outcome('c', { status: 'failed', answer: undefined, verification: undefined }),
      ],
      paint,
    );
    expect(text).toMatch(/^a .* NO: 1 of 1 /m);
    expect(text).toMatch(/^b .* NOT APPLIED /m);
    expect(text).toMatch(/^c {2,}0 {2}- .*failed$/m);
    expect(text).toMatch(/^3 in all .* NO: 2 /m);
  });
});

describe('what did not hold in the sandbox', () => {
  const failed = outcome('a', { status: 'failed', sandboxed: { ok: false, parsed: 2, tests: 3, broken: ['test.js'] } });

  it('stands in the row, the sum and the troubles', () => {
    expect(outcomeTable([failed, outcome('b')], paint)).toMatch(/^a .* NO: 1 .*failed$[^]*^2 in all .* NO: 1 /m);
    expect(troubleLines([failed])).toContain('a: test.js does not hold any more in the sandbox');
    expect(endingText(fleet([]), [failed, outcome('b')], options, paint)).toContain('; 1 failed\n');
  });
});

describe('troubleLines', () => {
  it('names what is broken, without what could drive a terminal', () => {
    expect(troubleLines([outcome('a', broken), outcome('b')])).toEqual([
      'a: a.js does not parse any more: line 3: SyntaxError: oh [2J',
    ]);
  });
});

describe('troubleLines of subagents that did not complete', () => {
  it('tell a cause once, however many share it', () => {
    const ends = ['a', 'b', 'c', 'd', 'e'].map((label) =>
      outcome(label, { status: 'not_attempted', error: 'Subagent.NotAttempted: too late', ...nothing }),
    );
    expect(troubleLines([...ends, outcome('f', { status: 'stopped', ...nothing })])).toEqual([
      'a, b, c and 2 more: not_attempted: Subagent.NotAttempted: too late',
      'f: stopped',
    ]);
  });
});

describe('endingText', () => {
  it('tells census, cost, report and how to look at the diff with most in it', () => {
    const more = outcome('more', { answer: { uses: [use(), use()], summary: '' } });
    const run = fleet([result('a'), result('more')], { simulated: true });
    const text = endingText(run, [outcome('a'), more], options, paint);
    expect(text.split('\n')).toEqual([
      'census        2 completed · 0 failed',
      'cost          $0.50 as real Claude would have cost; simulated, nothing was spent',
      'time          1m 01s in all, 9.0 s of it the fleet',
      'verified      2 repositories in the sandbox: each changed file parsed; tests of their own passed as before in 2',
      'report        r.md',
      'raw data      r.json',
      'a diff        npx muster diff abc123 more',
      'what it said  npx muster show abc123 more',
    ]);
  });

  it('says how much was reused, and that real money was spent', () => {
    const reused = [outcome('a', { reusedFrom: 'x/a' }), outcome('b')];
    const text = endingText(fleet([result('a'), result('b')]), reused, options, paint);
    expect(text).toContain('cost          $0.50\n');
    expect(text).toContain('reused        1 of 2 results come from an earlier run');
  });

  it('says where nothing was verified in a sandbox, and why', () => {
    const bare = outcome('a', { sandboxed: undefined });
    const text = endingText(fleet([result('a')]), [bare], { ...options, noSandbox: 'bwrap is not installed' }, paint);
    expect(text).toContain(
      'verified      not in a sandbox (bwrap is not installed); changed files were parsed on this machine\n',
    );
    expect(outcomeTable([bare], paint)).toMatch(/^a .* yes {2,}\$0\.250$/m);
  });

  it('begins with what is not in order', () => {
    const many = Array.from({ length: 12 }, (_, i) => outcome(`r${i}`, broken));
    const lines = endingText(fleet([]), many, options, paint).split('\n');
    expect(lines[0]).toMatch(/^r0: a\.js does not parse any more/);
    expect(lines[10]).toBe('and 2 more, see the report');
  });
});
