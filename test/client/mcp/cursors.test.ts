import { expect, it } from 'vitest';
import { Cursors } from '../../../client/mcp/cursors.ts';

const place = (fleetId: string, arrival = 'x'): { fleetId: string; arrival: string; read: number } => ({
  ...{ fleetId, arrival, read: 3 },
});

it('gives a place a short name by which it is found again, as often as wanted', () => {
  const cursors = new Cursors();
  const name = cursors.keep(place('f', 'x'.repeat(5_000)));
  expect(name).toMatch(/^c[0-9a-f]{8}$/);
  expect(cursors.find(name, 'f')).toEqual(cursors.find(name, 'f'));
  expect(cursors.find(name, 'f')).toMatchObject({ read: 3 });
});

it('refuses the cursor of another fleet, and one of an earlier server', () => {
  const cursors = new Cursors();
  const name = cursors.keep(place('f'));
  expect(() => cursors.find(name, 'g')).toThrow(`the cursor ${name} is of the fleet f`);
  expect(() => new Cursors().find(name, 'f')).toThrow(expect.objectContaining({ code: 'unknown_cursor' }));
});

it('forgets the oldest first, when they are many or long', () => {
  const many = new Cursors();
  const first = many.keep(place('f'));
  const second = many.keep(place('f'));
  for (let i = 0; i < 999; i++) many.keep(place('f'));
  expect(() => many.find(first, 'f')).toThrow();
  expect(many.find(second, 'f')).toBeDefined();

  const long = new Cursors();
  const [a, b] = [long.keep(place('f', 'x'.repeat(20_000_000))), long.keep(place('f', 'x'.repeat(20_000_000)))];
  expect(() => long.find(a, 'f')).toThrow();
  expect(long.find(b, 'f')).toBeDefined();
});
