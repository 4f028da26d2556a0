import { describe, expect, it } from 'vitest';
import { csv } from '../../../../client/cli/formats/csv.ts';
import { loadFormat, RESULT_FORMATS } from '../../../../client/cli/formats/formats.ts';
import { junit } from '../../../../client/cli/formats/junit.ts';
import { markdown } from '../../../../client/cli/formats/markdown.ts';
import type { Format } from '../../../../client/cli/formats/report.ts';
import { result, someReport } from './some-report.ts';
import { readXml } from '../../../support/read-xml.ts';

const write = (format: Format, report = someReport()): string => [...format(report)].join('');

describe('json', () => {
  it('is one object with the keys of the contract, results last and in task order', async () => {
    const object = JSON.parse(write(await loadFormat('json'))) as { results: { label: string }[] };
    const keys = ['id', 'name', 'status', 'census', 'usage', 'total_cost_usd', 'duration_ms', 'results'];
    expect(Object.keys(object)).toEqual(keys);
    expect(object.results.map(({ label }) => label)).toEqual(someReport().results.map(({ label }) => label));
  });

  it('is whole without results too', async () => {
    const report = { ...someReport(), results: [] };
    expect(JSON.parse(write(await loadFormat('json'), report))).toMatchObject({ results: [] });
  });
});

describe('jsonl', () => {
  it('is one result a line', async () => {
    const lines = write(await loadFormat('jsonl'))
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(someReport().results);
  });
});

/** RFC 4180, as a reader of the file takes it. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1)!.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

describe('csv', () => {
  it('reads back as written: a header, then a row a subagent', () => {
    const [header, ...rows] = readCsv(write(csv));
    const at = (row: string[], name: string): string => row[header!.indexOf(name)]!;
    const { results } = someReport();
    expect(rows.map((row) => at(row, 'label'))).toEqual(results.map(({ label }) => label));
    expect(at(rows[0]!, 'output')).toBe(results[0]!.output);
    expect(at(rows[1]!, 'error_message')).toBe(results[1]!.error!.message);
    for (const row of rows) expect(row).toHaveLength(header!.length);
  });
});

describe('junit', () => {
  it('is well-formed whatever the subagents said, and counts what it holds', () => {
    const text = write(junit);
    const seen = readXml(text);
    const count = (name: string): number => seen.filter((other) => other === name).length;
    expect([count('testcase'), count('failure'), count('error'), count('skipped')]).toEqual([7, 3, 2, 1]);
    expect(text).toContain('tests="7" failures="3" errors="2" skipped="1" time="61.000"');
    expect(text).toContain('<testcase name="left &lt;out&gt;" classname="nasty &amp; &quot;name&quot;" time="1.500">');
    expect(text).toContain('<skipped message="not eligible"/>');
  });
});

describe('markdown', () => {
  it('keeps texts of others inside their cells', () => {
    const text = write(markdown);
    const rows = text.split('\n').filter((line) => line.startsWith('| '));
    for (const row of rows) expect(row.match(/(?<!\\)\|/g)).toHaveLength(7);
    expect(text).toContain('# nasty & "name": completed');
    expect(text).not.toMatch(/<b>|\u001b/);
    expect(text).toContain('- **broken** `Claude.Refused`:');
  });

  it('says that a fleet is paused, and why', () => {
    const report = someReport();
    report.fleet = { ...report.fleet, status: 'paused', reason: 'budget_reached', simulated: true };
    expect(write(markdown, report)).toContain('paused (budget_reached)');
  });
});

describe('verifications and guards', () => {
  const tail = 'FAIL a.test.js ``` <b>\n'.repeat(30);
  const report = someReport([
    result('unverified', 'failed', {
      error: { type: 'Verify.Failed', message: 'tests failed' },
      verify: [
        { name: 'types', ok: true, exit_code: 0, duration_ms: 10 },
        { name: 'tests', ok: false, exit_code: 7, duration_ms: 10, tail },
      ],
      guards: [{ guard: 'tests_skipped', file: 'a|b.js', detail: 'new: it.skip(' }],
    }),
    result('verified', 'completed', { verify: [{ name: 'types', ok: true, exit_code: 0, duration_ms: 10 }] }),
  ]);

  it('junit: a failed verification stands with its end in the failure of its subagent', () => {
    const text = write(junit, report);
    readXml(text);
    const failure = /<failure type="Verify.Failed" message="tests failed">([^]*?)<\/failure>/.exec(text)![1]!;
    expect(failure).toContain('tests failed with exit code 7 after 10 ms\nFAIL a.test.js ``` &lt;b&gt;');
    expect(text).toContain('<system-err>tests_skipped in a|b.js: new: it.skip(</system-err>');
    expect(text).toContain('failures="4"');
  });

  it('markdown: a column, and what failed and is to be looked at in sections of their own', () => {
    const text = write(markdown, report);
    const rows = text.split('\n').filter((line) => line.startsWith('| '));
    for (const row of rows) expect(row.match(/(?<!\\)\|/g)).toHaveLength(8);
    expect(text).toContain('| failed: tests |');
    expect(text).toContain('## Failed verifications\n\n- **unverified**: tests failed with exit code 7 after 10 ms\n');
    expect(text.match(/FAIL a\.test\.js/g)).toHaveLength(20);
    expect(text).toContain('\n  ````text\n');
    expect(text).toContain('## To look at\n\n- **unverified** tests\\_skipped in a\\|b.js: new: it.skip(\n');
  });

  it('csv: whether they passed, empty where there were none', () => {
    const [header, ...rows] = readCsv(write(csv, report));
    const column = header!.indexOf('verified');
    expect(rows.map((row) => row[column]).slice(-3)).toEqual(['', 'failed', 'passed']);
  });
});

describe('every format', () => {
  it.each(RESULT_FORMATS)('%s takes ten thousand results in pieces', async (name) => {
    const results = Array.from({ length: 10_000 }, (_, i) => result(`s${i}`, 'completed', { output: 'x'.repeat(100) }));
    const format = await loadFormat(name);
    let length = 0;
    for (const piece of format({ fleet: someReport().fleet, results })) length += piece.length;
    expect(length).toBeGreaterThan(0);
  });
});
