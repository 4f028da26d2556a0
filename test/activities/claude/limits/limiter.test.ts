import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import { ClaudeTrouble, type Verdict } from '../../../../activities/claude/claude.ts';
import type { AdmissionRequest, ProviderLimits, Reservation } from '../../../../activities/claude/limits/limits.ts';
import { createProviderLimits } from '../../../../activities/claude/limits/provider-limits.ts';
import { VirtualClock } from './virtual-clock.ts';

const trouble = (verdict: Verdict, cause?: unknown): ClaudeTrouble =>
  new ClaudeTrouble('refused', { verdict, mayBeBilled: false, requestId: 'req_1', cause });
const SPENT = trouble({ act: 'pause', reason: 'usage_limit' });
const USAGE = { input_tokens: 1_000, output_tokens: 200, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };

/** What a provider says that has plenty of everything. */
const headersOf = (limit: number, remaining = limit): Headers =>
  new Headers({
    'anthropic-ratelimit-requests-limit': `${limit}`,
    'anthropic-ratelimit-requests-remaining': `${remaining}`,
  });

class World {
  readonly clock = new VirtualClock();
  readonly limits: ProviderLimits;

  constructor(random = 0) {
    this.limits = createProviderLimits({ clock: this.clock, random: () => random });
  }

  ask(more: Partial<AdmissionRequest> = {}): Promise<Reservation> {
    const { signal } = new AbortController();
    const request = { model: 'claude-opus-5-5', fleetId: 'f', inputTokens: 1_000, maxTokens: 8_000, signal, ...more };
    return this.limits.admit(request);
  }

  /** The five calls that go before anything is known. */
  async five(): Promise<Reservation[]> {
    const admitted = this.askMany(5);
    await this.clock.pass(200);
    return admitted.map(({ reservation }) => reservation);
  }

  /** Somebody asks ten times a second, and is always refused with this. */
  async askInVain(ms: number, reason: object): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      await expect(this.ask()).rejects.toMatchObject(reason);
      await this.clock.pass(100);
    }
  }

  /** Admissions as they come, with the moment. */
  askMany(count: number, more: Partial<AdmissionRequest> = {}): { atMs: number; reservation: Reservation }[] {
    const admitted: { atMs: number; reservation: Reservation }[] = [];
    for (let n = 0; n < count; n += 1) {
      void this.ask(more).then((reservation) => admitted.push({ atMs: this.clock.now(), reservation }));
    }
    return admitted;
  }
}

describe('a worker that knows nothing yet', () => {
  it('sends five calls and waits for what the first answer says', async () => {
    const world = new World();
    const admitted = world.askMany(50);
    await world.clock.pass(20_000);
    expect(admitted).toHaveLength(5);
    admitted[0]!.reservation.observe(200, headersOf(60_000));
    await world.clock.pass(5_000);
    expect(admitted).toHaveLength(50);
  });

  it('goes on when the first calls end without an answer, or are never made', async () => {
    const world = new World();
    const admitted = world.askMany(50);
    await world.clock.pass(10);
    for (const { reservation } of admitted.slice(0, 5)) reservation.settle(undefined);
    await world.clock.pass(5_000);
    expect(admitted).toHaveLength(50);
  });

  it('begins slowly where no limit is told, and within seconds holds nothing back', async () => {
    const world = new World();
    const admitted = world.askMany(5_000);
    await world.clock.pass(10);
    admitted[0]!.reservation.observe(200, new Headers());
    const startMs = world.clock.now();
    await world.clock.pass(10_000);
    expect(admitted).toHaveLength(5_000);
    const within = (ms: number): number => admitted.filter(({ atMs }) => atMs - startMs <= ms).length;
    expect(within(500)).toBeLessThan(100);
    expect(within(1_000)).toBeLessThan(250);
    expect(within(4_500)).toBe(5_000);
  });
});

describe('a waiter', () => {
  it('who gives up is let go with its own reason and takes nothing', async () => {
    const world = new World();
    const admitted = world.askMany(5);
    const stop = new AbortController();
    const waiting = world.ask({ signal: stop.signal });
    const behind = world.askMany(1);
    stop.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
    await world.clock.pass(10);
    admitted[0]!.reservation.observe(200, headersOf(60_000));
    await world.clock.pass(1_000);
    expect(behind).toHaveLength(1);
  });

  it('who has given up before asking is refused with its own reason', async () => {
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(new World().ask({ signal })).rejects.toThrow('too late');
  });

  it('leaves no listener on its signal, admitted or refused', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, args);
    };
    const world = new World();
    const admitted = world.askMany(5, { signal });
    await world.clock.pass(200);
    const waiting = world.ask({ signal });
    admitted[0]!.reservation.refused(SPENT);
    await expect(waiting).rejects.toBe(SPENT);
    expect(listeners).toBe(0);
  });
});

describe('a wait the provider asks for', () => {
  const refuse = async (world: World, afterMs: number, cause?: unknown): Promise<number> => {
    const first = await world.ask();
    first.observe(429, headersOf(6_000, 0));
    first.refused(trouble({ act: 'retry', isRefusal: true, afterMs }, cause));
    return world.clock.now();
  };

  it('holds for every call of the class, and they come back spread', async () => {
    const world = new World();
    const atMs = await refuse(world, 10_000);
    const admitted = world.askMany(50, { model: 'claude-opus-5' });
    await world.clock.pass(9_900);
    expect(admitted).toHaveLength(0);
    await world.clock.pass(60_000);
    expect(admitted).toHaveLength(50);
    const times = admitted.map((one) => one.atMs - atMs);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(10_000);
    // Not one second brings more than a part of them.
    for (const time of times)
      expect(times.filter((other) => other >= time && other < time + 1_000).length).toBeLessThan(25);
  });

  it('is made a little longer by chance, since other workers were told the same', async () => {
    const firstAfter = async (random: number): Promise<number> => {
      const world = new World(random);
      const atMs = await refuse(world, 10_000);
      const admitted = world.askMany(1);
      await world.clock.pass(30_000);
      return admitted[0]!.atMs - atMs;
    };
    expect((await firstAfter(0.9)) - (await firstAfter(0))).toBeGreaterThan(500);
  });

  it('leaves other classes alone', async () => {
    const world = new World();
    await refuse(world, 60_000);
    await expect(world.ask({ model: 'claude-haiku-5-5' })).resolves.toBeDefined();
  });

  it('of more than two minutes is not waited out: who waits is told how long is left', async () => {
    const world = new World();
    const [first] = await world.five();
    const waiting = world.ask();
    first!.refused(trouble({ act: 'retry', isRefusal: true, afterMs: 600_000 }));
    await expect(waiting).rejects.toMatchObject({ verdict: { act: 'retry', isRefusal: true, afterMs: 600_000 } });
    await world.clock.pass(400);
    await expect(world.ask()).rejects.toMatchObject({ verdict: { afterMs: 599_600 }, mayBeBilled: false });
    await world.clock.pass(599_600);
    await expect(world.ask()).resolves.toBeDefined();
  });
});

describe('a refusal', () => {
  /** Calls a second once the pace is steady, with everybody answered at once. */
  const paceAfter = async (act: (reservation: Reservation) => void, headers = new Headers()): Promise<number[]> => {
    const world = new World();
    let count = 0;
    let isRefused = false;
    const loop = async (): Promise<void> => {
      for (;;) {
        const reservation = await world.ask();
        count += 1;
        if (isRefused) act(reservation);
        else reservation.observe(200, headers);
        isRefused = false;
        await world.clock.sleep(50);
        reservation.settle(USAGE);
      }
    };
    for (let n = 0; n < 40; n += 1) void loop();
    const paces: number[] = [];
    for (let second = 0; second < 20; second += 1) {
      if (second === 10) isRefused = true;
      count = 0;
      await world.clock.pass(1_000);
      paces.push(count);
    }
    return paces;
  };
  const cut = (cause?: unknown) => (reservation: Reservation) => {
    reservation.observe(529, new Headers());
    reservation.refused(trouble({ act: 'retry', isRefusal: true }, cause));
  };

  it('for overload slows the class down, and it recovers', async () => {
    const paces = await paceAfter(cut());
    expect(paces[9]).toBeGreaterThan(600);
    expect(paces[11]).toBeLessThan(0.75 * paces[9]!);
    expect(paces[11]).toBeGreaterThan(0.4 * paces[9]!);
    expect(paces[19]).toBeGreaterThan(paces[11]!);
  });

  it('for growing too fast makes growth slower from then on', async () => {
    const ramp = Anthropic.APIError.generate(
      429,
      {
        type: 'error',
        error: { type: 'rate_limit_error', message: 'x', details: { error_code: 'ramp_limit_exceeded' } },
      },
      undefined,
      new Headers(),
    );
    expect((ramp as { errorCode?: string }).errorCode).toBe('ramp_limit_exceeded');
    const growth = async (isRefused: boolean): Promise<number> => {
      const world = new World();
      const first = await world.ask();
      first.observe(200, new Headers());
      if (isRefused) first.refused(trouble({ act: 'retry', isRefusal: true }, ramp));
      const admitted = world.askMany(5_000);
      await world.clock.pass(2_000);
      return admitted.length;
    };
    const [slow, fast] = [await growth(true), await growth(false)];
    expect(slow).toBeGreaterThan(20);
    expect(slow).toBeLessThan(fast / 2);
  });

  it('that many calls in flight meet at once counts as one', async () => {
    const world = new World();
    const admitted = world.askMany(5_000);
    await world.clock.pass(10);
    admitted[0]!.reservation.observe(200, new Headers());
    await world.clock.pass(1_000);
    const before = admitted.length;
    for (const { reservation } of [...admitted]) reservation.refused(trouble({ act: 'retry', isRefusal: true }));
    await world.clock.pass(1_000);
    const next = admitted.length - before;
    expect(before).toBeGreaterThan(100);
    // Seven tenths of the pace: neither nothing, nor as many again at once.
    expect(next).toBeGreaterThan(before / 20);
    expect(next).toBeLessThan(before);
  });
});

describe('a spend cap', () => {
  it('refuses everybody who waits with one and the same trouble, after one call', async () => {
    const world = new World();
    const [first] = await world.five();
    const waiting = Array.from({ length: 300 }, (_, n) => world.ask({ fleetId: `fleet-${n % 7}` }));
    first!.observe(429, new Headers());
    first!.refused(SPENT);
    const reasons = await Promise.all(waiting.map((one) => one.catch((reason: unknown) => reason)));
    expect(new Set(reasons)).toEqual(new Set([SPENT]));
    await expect(world.ask()).rejects.toBe(SPENT);
  });

  it('blocks its class alone', async () => {
    const world = new World();
    (await world.ask()).refused(SPENT);
    await expect(world.ask({ model: 'claude-opus-5' })).rejects.toBe(SPENT);
    await expect(world.ask({ model: 'claude-sonnet-5-5' })).resolves.toBeDefined();
  });

  it('holds until its reset and not longer', async () => {
    const world = new World();
    const resetAtMs = world.clock.now() + 20_000;
    (await world.ask()).refused(trouble({ act: 'pause', reason: 'usage_limit', resetAtMs }));
    await world.askInVain(19_900, { verdict: { act: 'pause', resetAtMs } });
    await world.clock.pass(100);
    const admitted = world.askMany(3);
    await world.clock.pass(100);
    expect(admitted).toHaveLength(3);
  });

  it('without a reset is tried again after half a minute by one call; the rest is refused while that is out', async () => {
    const world = new World();
    (await world.ask()).refused(SPENT);
    await world.askInVain(29_900, SPENT);
    await world.clock.pass(100);
    const probe = await world.ask();
    const admitted = world.askMany(10);
    await world.clock.pass(5_000);
    expect(admitted).toHaveLength(0);
    probe.observe(200, new Headers());
    await world.clock.pass(5_000);
    expect(admitted).toHaveLength(10);
  });

  it('is tried again sooner when somebody asks after a silence: a person has resumed the fleet', async () => {
    const world = new World();
    (await world.ask()).refused(SPENT);
    await world.askInVain(5_000, SPENT);
    await world.clock.pass(500);
    const probe = await world.ask();
    probe.observe(200, new Headers());
    await expect(world.ask()).resolves.toBeDefined();
  });

  it('found again by a probe refuses all who waited for its answer', async () => {
    const world = new World();
    (await world.ask()).refused(SPENT);
    await world.clock.pass(30_000);
    const probe = await world.ask();
    const waiting = [world.ask(), world.ask({ fleetId: 'other' })];
    const again = trouble({ act: 'pause', reason: 'usage_limit' });
    probe.observe(429, new Headers());
    probe.refused(again);
    for (const one of waiting) await expect(one).rejects.toBe(again);
  });

  it('keeps who waits for a probe no longer than the probe lasts', async () => {
    const world = new World();
    (await world.ask()).refused(SPENT);
    await world.clock.pass(30_000);
    const probe = await world.ask();
    const stop = new AbortController();
    const [left, stayed] = [world.ask({ signal: stop.signal }), world.ask()];
    stop.abort(new Error('cancelled'));
    await expect(left).rejects.toThrow('cancelled');
    probe.settle(undefined);
    await expect(stayed).rejects.toBe(SPENT);
  });

  it('that the probe finds again holds for another half minute', async () => {
    const world = new World();
    (await world.ask()).refused(SPENT);
    await world.clock.pass(30_000);
    const again = trouble({ act: 'pause', reason: 'usage_limit' });
    (await world.ask()).refused(again);
    await expect(world.ask()).rejects.toBe(again);
    await world.askInVain(29_900, again);
    await world.clock.pass(100);
    await expect(world.ask()).resolves.toBeDefined();
  });

  it('is not kept for ever by a probe that was given up, before it was sent or after', async () => {
    const world = new World();
    (await world.ask()).refused(SPENT);
    await world.clock.pass(30_000);
    (await world.ask()).settle(undefined);
    (await world.ask()).settle(USAGE);
    await expect(world.ask()).resolves.toBeDefined();
  });

  it('is over when the probe is refused for another reason', async () => {
    const world = new World();
    (await world.ask()).refused(SPENT);
    await world.clock.pass(30_000);
    (await world.ask()).refused(trouble({ act: 'retry', isRefusal: true, afterMs: 1_000 }));
    const admitted = world.askMany(2);
    await world.clock.pass(10_000);
    expect(admitted).toHaveLength(2);
  });
});

describe('a refused credential', () => {
  const WRONG = trouble({ act: 'pause', reason: 'authentication' });

  it('blocks every class, also those not asked for yet', async () => {
    const world = new World();
    const haiku = await world.ask({ model: 'claude-haiku-5-5' });
    const opus = await world.five();
    const waiting = world.ask();
    haiku.observe(401, new Headers());
    haiku.refused(WRONG);
    await expect(waiting).rejects.toBe(WRONG);
    await expect(world.ask({ model: 'claude-sonnet-5-5' })).rejects.toBe(WRONG);
    opus[0]!.settle(USAGE);
    await expect(world.ask()).rejects.toBe(WRONG);
  });

  it('is tried again by one call of one class, whose answer frees all', async () => {
    const world = new World();
    (await world.ask()).refused(WRONG);
    await world.clock.pass(30_000);
    const probe = await world.ask({ model: 'claude-haiku-5-5' });
    const [opus, sonnet] = [world.askMany(2), world.askMany(2, { model: 'claude-sonnet-5-5' })];
    await world.clock.pass(1_000);
    expect([opus.length, sonnet.length]).toEqual([0, 0]);
    probe.observe(200, new Headers());
    await world.clock.pass(1_000);
    expect([opus.length, sonnet.length]).toEqual([2, 2]);
  });

  it('says of those it keeps back that nothing of them can be billed', async () => {
    const world = new World();
    const broken = new ClaudeTrouble('x', { verdict: WRONG.verdict, mayBeBilled: true });
    (await world.ask()).refused(broken);
    await expect(world.ask()).rejects.toMatchObject({ verdict: WRONG.verdict, mayBeBilled: false });
  });
});

describe('a reservation', () => {
  it('takes any order and number of words, and counts the first end', async () => {
    const world = new World();
    for (const one of await world.five()) {
      one.settle(USAGE);
      one.settle(undefined);
      one.refused(SPENT);
      one.observe(200, headersOf(60_000));
      one.observe(500, new Headers());
    }
    await expect(world.ask()).resolves.toBeDefined();
  });

  it('that is given back makes room for another', async () => {
    const world = new World();
    const first = await world.ask();
    first.observe(200, headersOf(60));
    first.settle(USAGE);
    // An eighth of a call a second: who gives back lets the next go at once.
    const admitted = world.askMany(2);
    await world.clock.pass(30_000);
    const [one] = admitted;
    const before = admitted.length;
    one!.reservation.settle(undefined);
    await world.clock.pass(1);
    expect(admitted.length).toBeGreaterThanOrEqual(before);
  });
});

describe('a call larger than others ever leave room for', () => {
  it('goes after a minute all the same, and holds up nobody of another class meanwhile', async () => {
    const world = new World();
    const first = await world.ask();
    const headers = headersOf(1_000);
    headers.set('anthropic-ratelimit-input-tokens-limit', '500000');
    headers.set('anthropic-ratelimit-input-tokens-remaining', '200000');
    first.observe(200, headers);
    first.settle(USAGE);
    let isIn = false;
    void world.ask({ inputTokens: 450_000 }).then(() => (isIn = true));
    await world.clock.pass(30_000);
    expect(isIn).toBe(false);
    await world.clock.pass(31_500);
    expect(isIn).toBe(true);
  });
});

it('holds 10,000 waiters of 50 fleets cheaply, and lets them leave', async () => {
  const world = new World();
  await world.five();
  const startedAt = performance.now();
  const stops = Array.from({ length: 10_000 }, () => new AbortController());
  const waiting = stops.map(({ signal }, n) => world.ask({ fleetId: `f${n % 50}`, signal }));
  await world.clock.pass(1);
  for (const stop of stops) stop.abort(new Error('all go'));
  const ended = await Promise.allSettled(waiting);
  expect(ended.filter(({ status }) => status === 'rejected')).toHaveLength(10_000);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});
