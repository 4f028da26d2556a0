import { expect, test } from 'vitest';
import { createMarkdown } from '../../../activities/egress/markdown.ts';

const signal = new AbortController().signal;
const toMarkdown = createMarkdown({ timeoutMs: 10_000, memoryMb: 128, maxChars: 100_000 });
const read = (html: string): Promise<string> => toMarkdown(html, 'https://example.com/docs/', signal);

test('a page becomes Markdown, without its scripts and styles', async () => {
  const page = await read(
    '<html><head><title>T</title><style>x{}</style></head><body><h1>Guide</h1><script>steal()</script><ul><li>one</li><li>two</li></ul><pre><code>a\n  b</code></pre></body></html>',
  );
  expect(page).toContain('# Guide');
  expect(page).toContain('-   one');
  expect(page).toContain('```\na\n  b\n```');
  expect(page).not.toMatch(/steal|x\{\}/);
});

test('nothing in it loads anything where it is rendered: images are words, links are written out', async () => {
  const page = await read(
    '<p><img src="https://evil.test/?q=secret" alt="a](https://evil.test) chart"> <a href="next">on</a> <a href="javascript:x()">run</a> <a href="https://evil.test"><img src="https://evil.test/p"></a></p>',
  );
  expect(page).toContain('on (https://example.com/docs/next)');
  expect(page).toContain('run');
  expect(page).toContain('(image: a https://evil.test chart)');
  expect(page).not.toMatch(/!\[|\]\(|javascript|secret/);
});

test('a page nested beyond all sense ends with an error in time, and the loop goes on meanwhile', async () => {
  const impatient = createMarkdown({ timeoutMs: 1_000, memoryMb: 128, maxChars: 100_000 });
  let ticks = 0;
  const ticker = setInterval(() => (ticks += 1), 10);
  const pages = ['<div>'.repeat(1_000_000), '<b>'.repeat(1_700_000), '<table>'.repeat(700_000)];
  const answers = await Promise.allSettled(pages.map((html) => impatient(html, 'https://example.com/', signal)));
  clearInterval(ticker);
  for (const answer of answers)
    expect(answer).toMatchObject({ status: 'rejected', reason: { name: 'EgressFailed', message: /plainer version/ } });
  expect(ticks).toBeGreaterThan(30);
});

test('one that takes more memory than a page may ends with an error, and the process goes on', async () => {
  const poor = createMarkdown({ timeoutMs: 20_000, memoryMb: 48, maxChars: 100_000 });
  await expect(poor('<p>x</p>'.repeat(400_000), 'https://example.com/', signal)).rejects.toThrow(/OUT_OF_MEMORY/);
  expect(await poor('<p>x</p>', 'https://example.com/', signal)).toBe('x');
});

test('an abort ends the thread at once', async () => {
  const leave = new AbortController();
  const reading = toMarkdown('<div>'.repeat(1_000_000), 'https://example.com/', leave.signal);
  leave.abort(new Error('left'));
  await expect(reading).rejects.toThrow('left');
});

test('a text longer than its limit is cut', async () => {
  expect(await read(`<p>${'x '.repeat(100_000)}</p>`)).toHaveLength(100_000);
});
