import { expect, it } from 'vitest';
import { Muster } from '../../../client/library/muster.ts';
import { Door } from '../../../client/mcp/door.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

it('tries again what could not be opened, and opens once what could', async () => {
  await using directory = await temporaryDirectory();
  let opened = 0;
  await using door = new Door(async (simulate) => {
    if (++opened === 1) throw new Error('the disk is full');
    return Muster.open({ cwd: directory.path, simulate });
  });
  await expect(door.muster(true)).rejects.toThrow('the disk is full');
  const [one, other] = await Promise.all([door.muster(true), door.muster(true)]);
  expect(one).toBe(other);
  expect(await door.muster(false)).not.toBe(one);
  expect(opened).toBe(3);
});
