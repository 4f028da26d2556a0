import type { Draws } from '../../workflows/policy/draws.ts';

/** What targets truly cost, of which a forecast sees a few. */
export type World = (draws: Draws) => number;

/** Scaled to a mean of some $0.50, as targets cost. */
const UNIT = 400_000;

const logNormal =
  (spread: number): World =>
  (draws) =>
    UNIT * Math.exp(spread * draws.normal());
const gamma =
  (shape: number): World =>
  (draws) =>
    (UNIT * draws.gamma(shape)) / shape;
/** Four of five are cheap, one is so many times as dear. */
const twoKinds =
  (times: number): World =>
  (draws) =>
    UNIT * (draws.uniform() < 0.8 ? 1 : times) * Math.exp(0.3 * draws.normal());
/** One of twenty fails early, having cost a part of what it would have. */
const failing =
  (world: World): World =>
  (draws) =>
    world(draws) * (draws.uniform() < 0.05 ? 0.02 + 0.48 * draws.uniform() : 1);

const kinds: Record<string, World> = {
  'log-normal 0.3': logNormal(0.3),
  'log-normal 0.6': logNormal(0.6),
  'log-normal 0.9': logNormal(0.9),
  'log-normal 1.2': logNormal(1.2),
  'gamma 2': gamma(2),
  'gamma 1': gamma(1),
  'two kinds ×5': twoKinds(5),
  'two kinds ×10': twoKinds(10),
};

/** Each with 5 % failures. */
export const COST_WORLDS: ReadonlyMap<string, World> = new Map(
  Object.entries(kinds).map(([name, world]) => [name, failing(world)]),
);
export const SCOUTS: readonly number[] = [3, 5, 10, 30];
export const TO_COME: readonly number[] = [10, 100, 1_000];
