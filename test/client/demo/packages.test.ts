import { describe, expect, it } from 'vitest';
import { choosePackages } from '../../../client/demo/packages.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { install, source, type FakePackage } from './installed.ts';

const plain = (text = ''): FakePackage => ({ version: '1.0.0', files: { 'index.js': source(text) } });

async function choose(count: number, packages: Record<string, FakePackage>) {
  await using root = await temporaryDirectory();
  return choosePackages(await install(root.path, packages), count);
}

describe('choosePackages', () => {
  it('takes those with something suspicious first and fills up with others, sorted', async () => {
    const chosen = await choose(3, { a: plain(), b: plain(), x: plain('s.substr(1)'), '@s/y': plain('new Buffer(1)') });
    expect(chosen.map(({ label, isSuspicious }) => [label, isSuspicious])).toEqual([
      ['a', false],
      ['s-y', true],
      ['x', true],
    ]);
  });

  it('takes sources, manifests and the licence, but nothing minified, bundled or of another package', async () => {
    const files = {
      'lib/a.mjs': source(),
      'lib/package.json': '{"type":"module"}',
      LICENSE: 'MIT',
      'README.md': 'x',
      'types.d.ts': 'x',
      'a.min.js': source(),
      'dist/long.js': `f(${'1,'.repeat(1_500)}1)\n`,
      'dist/big.js': source().repeat(60),
      '.hidden/x.js': source(),
      'node_modules/other/index.js': source(),
    };
    const [one] = await choose(1, { a: { version: '1.0.0', files } });
    expect(one?.files).toEqual(['LICENSE', 'lib/a.mjs', 'lib/package.json', 'package.json']);
  });

  it('leaves out what is too small, too large, without JavaScript, or installed on one platform only', async () => {
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`f${i}.js`, source()]));
    const heavy = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}.js`, source().repeat(40)]));
    const chosen = await choose(1, {
      small: { version: '1.0.0', files: { 'index.js': '1' } },
      types: { version: '1.0.0', files: { 'index.d.ts': source() } },
      binary: { ...plain('s.substr(1)'), os: ['linux'] },
      many: { version: '1.0.0', files: many },
      heavy: { version: '1.0.0', files: heavy },
      good: plain(),
    });
    expect(chosen.map(({ label }) => label)).toEqual(['good']);
  });

  it('tells two versions of a package apart and takes the same version once', async () => {
    const nested = { ...plain(), version: '2.0.0' };
    const packages = { a: plain(), b: plain(), 'a/node_modules/c': nested, 'b/node_modules/c': nested, c: plain() };
    const chosen = await choose(4, packages);
    expect(chosen.map(({ label }) => label)).toEqual(['a', 'b', 'c', 'c-2.0.0']);
    expect(chosen[3]?.name).toBe('c');
  });

  it('says how many there are when more are wanted', async () => {
    await expect(choose(3, { a: plain(), b: plain() })).rejects.toMatchObject({
      exitCode: 2,
      message: '3 repositories are wanted, and 2 installed packages have source to make them of',
    });
  });

  it('says what to do when nothing is installed', async () => {
    await using root = await temporaryDirectory();
    expect(() => choosePackages(root.path, 1)).toThrow(expect.objectContaining({ exitCode: 2, hint: 'npm ci' }));
  });
});
