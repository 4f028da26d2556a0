import { describe, expect, it } from 'vitest';
import { paintFor } from '../../../client/cli/paint.ts';
import { resultText } from '../../../client/cli/result-text.ts';
import { readTranscript, transcriptShown } from '../../../client/cli/transcript.ts';
import { result } from './formats/some-report.ts';

const plain = paintFor('never', false);

describe('a result for people', () => {
  it('tells of each verification how it ended, and of a failed one how its output ended', () => {
    const verify = [
      { name: 'types', ok: true, exit_code: 0, duration_ms: 900, tail: 'all is well' },
      { name: 'tests', ok: false, exit_code: 1, duration_ms: 4_200, tail: 'expected 1\u001b[31m\nreceived 2\n' },
      { name: 'slow', ok: false, exit_code: null, duration_ms: 600_000 },
    ];
    const text = resultText(result('a', 'failed', { verify }), plain);
    expect(text).toContain('\nverify: types passed after 900 ms\n');
    expect(text).toContain('\nverify: tests failed with exit code 1 after 4.2 s\n    expected 1[31m\n    received 2\n');
    expect(text).toContain('\nverify: slow was ended after 10m 00s\n');
    expect(text).not.toContain('all is well');
  });

  it('names what a reviewer should look at, and what was denied', () => {
    const guards = [{ guard: 'tests_deleted' as const, file: 'test/a.test.js', detail: '2 test cases fewer' }];
    const denial = { tool: 'Bash', input: { command: 'curl x\nrm -r y' }, reason: 'NOT_GRANTED' };
    const permission_denials = Array.from({ length: 23 }, () => denial);
    const text = resultText(result('a', 'completed', { guards, permission_denials }), plain);
    expect(text).toContain('look at tests_deleted in test/a.test.js: 2 test cases fewer');
    expect(text).toContain('denied Bash {"command":"curl x\\nrm -r y"}: NOT_GRANTED');
    expect(text.match(/denied Bash/g)).toHaveLength(20);
    expect(text).toContain('and 3 denials more');
  });
});

describe('a transcript', () => {
  const lines = [
    { type: 'message', role: 'user', content: [{ type: 'text', text: 'Read it.' }] },
    { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'I read.' }] },
    { type: 'tool_call', id: 't1', name: 'Read', input: { file_path: 'a' } },
    { type: 'tool_result', id: 't1', name: 'Read', content: 'text of a' },
  ];
  const old = [
    { role: 'user', content: 'Read it.' },
    {
      role: 'assistant',
      content: [
        { type: 'text', text: 'I read.' },
        { type: 'tool_use', id: 't1', name: 'Read', input: { file_path: 'a' } },
      ],
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'text of a' }] },
  ];
  const text = (values: readonly object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');

  it('of an earlier version, a message a line, reads like one of today', () => {
    expect(readTranscript(text(old))).toEqual(lines);
    expect(readTranscript(text(lines))).toEqual(lines);
    expect(readTranscript('')).toEqual([]);
  });

  it('is shown in the order it happened', () => {
    expect(transcriptShown(readTranscript(text(lines)), plain)).toBe(
      'user\n  Read it.\nassistant\n  I read.\n  Read {"file_path":"a"}\n    text of a\n',
    );
  });
});
