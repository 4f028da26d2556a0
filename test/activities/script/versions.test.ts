import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SCRIPT_ENGINE } from '../../../activities/script/journal.ts';
import { ENGINE_GLOBALS, SCRIPT_GLOBALS } from '../../../activities/script/known-names.ts';
import { valueOf } from './child/played-script.ts';

/** Text of the prelude that `SCRIPT_ENGINE` means. Another text that a script can tell from it needs another number there. */
const PRELUDE = 'd21d3667e8a356db';

it('the journal names the engine and the prelude there are', () => {
  const root = new URL('../../../', import.meta.url);
  const { dependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  expect(SCRIPT_ENGINE).toBe(`quickjs-wasi ${dependencies['quickjs-wasi']!}, prelude 1`);
  const prelude = readFileSync(new URL('activities/script/child/prelude.ts', root));
  expect(createHash('sha256').update(prelude).digest('hex').slice(0, 16)).toBe(PRELUDE);
});

it('what a script may name is what the engine has', async () => {
  const names = (await valueOf('return Object.getOwnPropertyNames(globalThis)')) as string[];
  expect(names.toSorted()).toEqual([...ENGINE_GLOBALS, ...SCRIPT_GLOBALS].toSorted());
});
