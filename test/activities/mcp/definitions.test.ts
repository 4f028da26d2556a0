import { describe, expect, test } from 'vitest';
import { readTools } from '../../../activities/mcp/definitions.ts';
import { pinnedHash } from '../../../activities/mcp/pins.ts';
import { memoryRecords } from '../../support/mcp-world.ts';

const schema = { type: 'object' as const, properties: { a: { type: 'string' }, b: { type: 'number' } } };
const other = { properties: { b: { type: 'number' }, a: { type: 'string' } }, type: 'object' as const };

describe('the hash of a server’s tools', () => {
  test('is the same whatever order they come in', () => {
    const one = [
      { name: 'x', description: 'X', inputSchema: schema },
      { name: 'y', inputSchema: schema },
    ];
    const same = [
      { name: 'y', inputSchema: other },
      { inputSchema: other, description: 'X', name: 'x' },
    ];
    expect(readTools('s', one).hash).toBe(readTools('t', same).hash);
  });

  test.each([
    [{ description: 'X.' }],
    [{ description: 'X\u200b' }],
    [{ description: `X${' '.repeat(3_000)}hidden` }],
    [{ inputSchema: { ...schema, required: ['a'] } }],
    [{ outputSchema: { type: 'object' as const } }],
    [{ name: 'x2' }],
  ])('is another one for any change, seen or unseen: %j', (change) => {
    const tool = { name: 'x', description: 'X', inputSchema: schema };
    expect(readTools('s', [{ ...tool, ...change }]).hash).not.toBe(readTools('s', [tool]).hash);
  });
});

describe('a pin', () => {
  const seen = `sha256:${'a'.repeat(64)}`;
  const of = { fleetId: 'f', server: 's', seen, operatorPin: undefined };

  test('is what the first saw, for all that come after', async () => {
    const store = memoryRecords();
    expect(await pinnedHash(store, of)).toBe(seen);
    expect(await pinnedHash(store, { ...of, seen: `sha256:${'b'.repeat(64)}` })).toBe(seen);
    expect(await pinnedHash(store, { ...of, seen: `sha256:${'b'.repeat(64)}`, fleetId: 'g' })).toMatch(/b{64}/);
  });

  test('lost to another worker is that worker’s', async () => {
    const store = memoryRecords();
    const late = { ...store, readRecord: store.readRecord };
    let isFirst = true;
    late.readRecord = async (key) => {
      if (!isFirst) return store.readRecord(key);
      isFirst = false;
      await pinnedHash(store, of);
      return undefined;
    };
    expect(await pinnedHash(late, { ...of, seen: `sha256:${'b'.repeat(64)}` })).toBe(seen);
  });

  test('that nobody can read pins to nothing', async () => {
    const store = memoryRecords();
    await store.writeRecord('fleets/f/mcp/s', { v: 9 }, 0);
    expect(await pinnedHash(store, of)).toBe('sha256:');
  });

  test('of the operator’s goes before, with and without its prefix', async () => {
    expect(await pinnedHash(memoryRecords(), { ...of, operatorPin: 'c'.repeat(64) })).toBe(`sha256:${'c'.repeat(64)}`);
    expect(await pinnedHash(memoryRecords(), { ...of, operatorPin: seen })).toBe(seen);
  });
});
