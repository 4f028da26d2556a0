import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ScriptWorld } from './script-world.ts';

let world: ScriptWorld;
beforeAll(async () => {
  world = await ScriptWorld.open();
});
afterAll(() => world[Symbol.asyncDispose]());

describe('a script', () => {
  it('asks for agents, hears of their ends and returns', async () => {
    const fleet = await world.fleet("return await agent('hi there')");
    expect(await fleet.run(world.worker())).toEqual({ value: 'HI THERE', error: undefined });
    expect(fleet.tasks).toHaveLength(1);
  });
});
