import { execFile } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../support/temporary.ts';

const PROGRAM = join(import.meta.dirname, '../../../../client/demo/sandboxed/verify-changes.ts');

const TEST = `const assert = require('node:assert');\nassert.strictEqual(require('./index.js')('abc'), 'bc');\n`;
const PACKAGE = {
  'package.json': '{"name":"a"}',
  'index.js': 'module.exports = (s) => s.substr(1);\n',
  'test.js': TEST,
  'other.test.js': `require('tape')('needs what is not installed', (t) => t.end()); // assert\n`,
  'test/broken.js': 'this does (not parse\n',
  'test/helper.js': 'module.exports = 1;\n',
};

/** Runs it over a package with these files changed; null removes one. */
async function verify(changes: Record<string, string | null>) {
  await using root = await temporaryDirectory();
  const [before, after] = [join(root.path, 'before'), join(root.path, 'after')];
  const write = async (directory: string, files: Record<string, string>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
  };
  await write(before, PACKAGE);
  await cp(before, after, { recursive: true });
  for (const [path, text] of Object.entries(changes))
    await (text === null ? rm(join(after, path)) : write(after, { [path]: text }));
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) =>
    execFile(process.execPath, [PROGRAM, before], { cwd: after }, (error, stdout) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout }),
    ),
  );
  const [, json = ''] = /^verified (.*)$/m.exec(output.trimEnd().split('\n').at(-1)!) ?? [];
  return { code, output, verified: JSON.parse(json) as object };
}

describe('verifying the changes of a package in its sandbox', () => {
  it('parses what changed, and runs the tests that passed before', async () => {
    const { code, verified } = await verify({ 'index.js': 'module.exports = (s) => s.slice(1);\n' });
    expect({ code, verified }).toEqual({ code: 0, verified: { parsed: ['index.js'], tests: ['test.js'], broken: [] } });
  });

  it('fails with the output of a test that passed before and does not now', async () => {
    const { code, output, verified } = await verify({ 'index.js': 'module.exports = (s) => s.slice(2);\n' });
    expect({ code, verified }).toEqual({
      code: 1,
      verified: { parsed: ['index.js'], tests: ['test.js'], broken: ['test.js'] },
    });
    expect(output).toContain('test.js does not hold any more:');
    expect(output).toContain('AssertionError');
  });

  it('fails for a changed or new file that does not parse, but not for one that never did', async () => {
    const { code, verified } = await verify({
      'index.js': 'module.exports = (s) => s.slice(1;\n',
      'new.json': '{',
      'test/broken.js': 'this still does (not parse\n',
      'test.js': null,
    });
    expect({ code, verified }).toEqual({
      code: 1,
      verified: { parsed: ['index.js', 'new.json', 'test/broken.js'], tests: [], broken: ['index.js', 'new.json'] },
    });
  });

  it('runs nothing where nothing changed', async () => {
    expect(await verify({})).toMatchObject({ code: 0, verified: { parsed: [], tests: [], broken: [] } });
  });
});
