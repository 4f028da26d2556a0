import { describe, expect, it } from 'vitest';
import { findingsIn } from '../../../../client/cli/formats/findings.ts';
import { sarif } from '../../../../client/cli/formats/sarif.ts';
import { result, someReport } from './some-report.ts';

interface Log {
  version: string;
  runs: { tool: { driver: { rules: { id: string }[] } }; results: SarifResult[] }[];
}
interface SarifResult {
  ruleId: string;
  level: string;
  message: { text: string };
  locations: { physicalLocation?: { artifactLocation: { uri: string }; region?: object } }[];
}

describe('findings in a structured output', () => {
  it.each([
    ['a list of places', [{ file: 'a.js', line: 3, message: 'old API', rule: 'substr' }]],
    ['under a key', { findings: [{ file: 'a.js', line: 3, message: 'old API', rule: 'substr' }] }],
    ['grouped by file', { files: [{ path: 'a.js', uses: [{ line: '3', description: 'old API', api: 'substr' }] }] }],
    ['other spellings', [{ filePath: 'a.js', lineNumber: 3, title: 'old API', ruleId: 'substr' }]],
  ])('are recognised: %s', (_what, output) => {
    expect(findingsIn(output)).toEqual([
      { file: 'a.js', line: 3, message: 'old API', rule: 'substr', level: 'warning' },
    ]);
  });

  it('have a level where the output names one, and a region where it has one', () => {
    const output = { file: 'a.js', start_line: 3, end_line: 5, column: 7, severity: 'HIGH', text: 't' };
    expect(findingsIn(output)).toEqual([
      { file: 'a.js', line: 3, endLine: 5, column: 7, message: 't', level: 'error' },
    ]);
  });

  it('may be of a file alone, and are none without a file', () => {
    expect(findingsIn({ file: 'a.js', summary: 'whole' })).toMatchObject([{ file: 'a.js', message: 'whole' }]);
    expect(findingsIn({ line: 3, message: 'where?' })).toEqual([]);
    expect(findingsIn('a.js:3')).toEqual([]);
    expect(findingsIn(null)).toEqual([]);
  });

  it('take no line that SARIF could not hold', () => {
    expect(findingsIn({ file: 'a', line: 0, message: 'm' })).toEqual([{ file: 'a', message: 'm', level: 'warning' }]);
    expect(findingsIn({ file: 'a', line: -1, message: 'm' })[0]).not.toHaveProperty('line');
  });
});

describe('sarif', () => {
  const read = (report = someReport()): Log => JSON.parse([...sarif(report)].join('')) as Log;

  it('has one result for each subagent that failed when nobody speaks of files', () => {
    const { version, runs } = read();
    expect(version).toBe('2.1.0');
    expect(runs[0]!.results.map(({ ruleId }) => ruleId)).toEqual([
      ...['Claude.Refused', 'Subagent.TimedOut', 'budget_reached', 'Subagent.Stopped', 'not_attempted'],
    ]);
    const named = new Set(runs[0]!.tool.driver.rules.map(({ id }) => id));
    for (const { ruleId, level } of runs[0]!.results) {
      expect(named).toContain(ruleId);
      expect(level).toBe('error');
    }
  });

  it('places findings, with paths as URIs', () => {
    const structured_output = [
      { file: './src/a b#1.js', line: 3, message: 'm' },
      { file: '/abs/ü.js', message: 'm' },
      { file: 'win\\dir\\x.js', message: 'm' },
    ];
    const all = read(someReport([result('finder', 'completed', { structured_output })])).runs[0]!.results;
    const uris = all.flatMap(({ locations }) => locations[0]?.physicalLocation?.artifactLocation.uri ?? []);
    expect(uris).toEqual(['src/a%20b%231.js', 'file:///abs/%C3%BC.js', 'win/dir/x.js']);
    expect(all.find(({ ruleId }) => ruleId === 'finding')?.locations[0]?.physicalLocation?.region).toEqual({
      startLine: 3,
    });
  });

  it('has what the guards found as findings of their files, and failed verifications in the failure', () => {
    const guards = [
      { guard: 'ci_weakened' as const, file: '.github/workflows/ci.yml', detail: 'new: continue-on-error: true' },
      { guard: 'secret_added' as const, file: 'a b.js', detail: 'it adds what looks like a secret' },
    ];
    const verify = [{ name: 'tests', ok: false, exit_code: 1, duration_ms: 10 }];
    const error = { type: 'Verify.Failed', message: 'tests failed' };
    const all = read(someReport([result('a', 'failed', { guards, verify, error })])).runs[0]!.results;
    expect(all.filter(({ ruleId }) => ruleId.startsWith('muster/'))).toMatchObject([
      {
        ...{ ruleId: 'muster/ci_weakened', level: 'warning', message: { text: 'a: new: continue-on-error: true' } },
        locations: [{ physicalLocation: { artifactLocation: { uri: '.github/workflows/ci.yml' } } }],
      },
      {
        ...{ ruleId: 'muster/secret_added', level: 'error' },
        locations: [{ physicalLocation: { artifactLocation: { uri: 'a%20b.js' } } }],
      },
    ]);
    expect(all.find(({ ruleId }) => ruleId === 'Verify.Failed')?.message.text).toBe(
      'a: tests failed; tests failed with exit code 1 after 10 ms',
    );
  });
});
