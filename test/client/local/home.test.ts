import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VERSION } from '../../../client/local/entries.ts';
import { createHome, HOME_LAYOUT } from '../../../client/local/home.ts';

let root: string;
let home: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-home-'));
  home = join(root, 'deep', '.muster');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('is made for its owner alone, out of sight of git, with the layout it has', () => {
  createHome(home);
  expect(statSync(home).mode & 0o777).toBe(0o700);
  expect(readFileSync(join(home, '.gitignore'), 'utf8')).toBe('*\n');
  expect(JSON.parse(readFileSync(join(home, 'version.json'), 'utf8'))).toEqual({
    layout: HOME_LAYOUT,
    muster: VERSION,
  });
});

test('of an older muster is gone on with, and what its owner changed stays', () => {
  createHome(home);
  writeFileSync(join(home, 'version.json'), '{"layout":1,"muster":"0.0.1"}');
  writeFileSync(join(home, '.gitignore'), '*.db\n');
  createHome(home);
  expect(JSON.parse(readFileSync(join(home, 'version.json'), 'utf8'))).toEqual({
    layout: HOME_LAYOUT,
    muster: VERSION,
  });
  expect(readFileSync(join(home, '.gitignore'), 'utf8')).toBe('*.db\n');
});

test.each([
  ['a newer muster', '{"layout":99,"muster":"9.0.0"}', 'belongs to a newer muster (9.0.0)'],
  ['a damaged file', '{"layout":', 'version.json is damaged'],
  ['a version that is none', 'null', 'version.json is damaged'],
])('of %s is refused and left as it is', (_, text, message) => {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'version.json'), text);
  expect(() => createHome(home)).toThrow(
    expect.objectContaining({ exitCode: 2, message: expect.stringContaining(message) }),
  );
  expect(readFileSync(join(home, 'version.json'), 'utf8')).toBe(text);
});

test('that is a file, or below one, is refused with what to set', () => {
  writeFileSync(join(root, 'file'), '');
  for (const path of [join(root, 'file'), join(root, 'file', 'home')])
    expect(() => createHome(path)).toThrow(
      expect.objectContaining({ exitCode: 2, hint: expect.stringContaining('MUSTER_HOME') }),
    );
});
