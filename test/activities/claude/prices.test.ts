import { describe, expect, it } from 'vitest';
import {
  costMicroUsd,
  findModel,
  knownModels,
  loadPrices,
  maxTokensWithin,
  modelFacts,
  nearestModel,
  UnknownModel,
  worstCaseMicroUsd,
} from '../../../activities/claude/prices.ts';

const OCTOBER_6 = Date.parse('2026-10-06T23:59:59.999Z');
const OCTOBER_7 = Date.parse('2026-10-07T00:00:00Z');

function usage(input = 0, output = 0, read = 0, written5m = 0, written1h = 0) {
  return {
    input_tokens: input,
    output_tokens: output,
    cache_read_input_tokens: read,
    cache_creation_input_tokens: written5m + written1h,
    cache_creation: { ephemeral_5m_input_tokens: written5m, ephemeral_1h_input_tokens: written1h },
  };
}

/** A million tokens of each kind, which makes the micro-dollars the table's dollars × 10⁶. */
const M = 1_000_000;

describe('the price of a call', () => {
  it.each([
    ['claude-fable-5-2', 8, 40, 10, 16, 0.2],
    ['claude-mythos-5-2', 8, 40, 10, 16, 0.2],
    ['claude-fable-5-1', 10, 50, 12.5, 20, 0.25],
    ['claude-fable-5', 10, 50, 12.5, 20, 1],
    ['claude-opus-5-5', 4, 20, 5, 8, 0.2],
    ['claude-opus-4-5-20251101', 5, 25, 6.25, 10, 0.5],
    ['claude-sonnet-5-5', 2, 10, 2.5, 4, 0.1],
    ['claude-sonnet-4-6', 3, 15, 3.75, 6, 0.3],
    ['claude-haiku-5-5', 0.5, 2.5, 0.625, 1, 0.05],
    ['claude-haiku-4-5-20251001', 1, 5, 1.25, 2, 0.1],
  ])('%s costs what the published table says', (model, input, output, write5m, write1h, read) => {
    expect(costMicroUsd(model, usage(M), OCTOBER_7)).toBe(input * M);
    expect(costMicroUsd(model, usage(0, M, 100_001), OCTOBER_7)).toBe(output * M + Math.ceil(read * 100_001));
    expect(costMicroUsd(model, usage(0, 0, M), OCTOBER_7)).toBe(read * M);
    expect(costMicroUsd(model, usage(0, 0, 0, M), OCTOBER_7)).toBe(write5m * M);
    expect(costMicroUsd(model, usage(0, 0, 0, 0, M), OCTOBER_7)).toBe(write1h * M);
  });

  it('changes on the day the price changes', () => {
    expect(costMicroUsd('claude-sonnet-5-5', usage(0, 0, M), OCTOBER_6)).toBe(200_000);
    expect(costMicroUsd('claude-sonnet-5-5', usage(0, 0, M), OCTOBER_7)).toBe(100_000);
  });

  it('moves the whole request to the higher tier when reads and writes make its prompt long', () => {
    expect(costMicroUsd('claude-haiku-5-5', usage(40_000, 1_000, 60_000))).toBe(4_000 + 500 + 600);
    expect(costMicroUsd('claude-haiku-5-5', usage(40_001, 1_000, 60_000))).toBe(Math.ceil(20_000.5) + 2_500 + 3_000);
  });

  it('is a whole number, rounded up once, without the drift of binary fractions', () => {
    expect(costMicroUsd('claude-haiku-5-5', usage(1))).toBe(1);
    expect(costMicroUsd('claude-haiku-5-5', usage(30))).toBe(3);
    expect(costMicroUsd('claude-haiku-5-5', usage(31))).toBe(4);
    expect(costMicroUsd('claude-sonnet-5-5', usage(0, 0, 30), OCTOBER_7)).toBe(3);
    expect(costMicroUsd('claude-sonnet-5-5', usage())).toBe(0);
  });

  it('counts cache writes of unknown length as the dearer kind', () => {
    const plain = { input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 1_000 };
    expect(costMicroUsd('claude-sonnet-5-5', plain)).toBe(4_000);
  });
});

describe('the worst case', () => {
  it('has the whole prompt written to the dearest cache and the whole answer used', () => {
    expect(worstCaseMicroUsd('claude-sonnet-5-5', 1_000, 500)).toBe(4_000 + 5_000);
  });

  it('is never below any bill for that prompt and answer', () => {
    for (const model of knownModels()) {
      for (const split of [
        usage(1_000, 300),
        usage(0, 300, 1_000),
        usage(0, 300, 0, 1_000),
        usage(7, 299, 3, 490, 500),
      ]) {
        expect(worstCaseMicroUsd(model, 1_000, 300)).toBeGreaterThanOrEqual(costMicroUsd(model, split));
      }
    }
  });

  it.each(['claude-sonnet-5-5', 'claude-haiku-5-5', 'claude-fable-5-1'])(
    'of %s fits the money that maxTokensWithin was asked for, and one token more does not',
    (model) => {
      for (const money of [1, 999, 4_001, 12_345, 57_777]) {
        const tokens = maxTokensWithin(model, 300, money);
        if (tokens > 0) expect(worstCaseMicroUsd(model, 300, tokens)).toBeLessThanOrEqual(money);
        expect(worstCaseMicroUsd(model, 300, tokens + 1)).toBeGreaterThan(money);
      }
    },
  );

  it('allows nothing when the prompt alone is too dear, and never more than the model can say', () => {
    expect(maxTokensWithin('claude-sonnet-5-5', 1_000, 4_000)).toBe(0);
    expect(maxTokensWithin('claude-sonnet-5-5', 1_000, 1e12)).toBe(modelFacts('claude-sonnet-5-5').maxOutputTokens);
  });
});

describe('an unknown model', () => {
  it('is an error that names the nearest known one, never a price of 0', () => {
    expect(findModel('claude-sonet-5-5')).toBe(false);
    expect(() => costMicroUsd('claude-sonet-5-5', usage(1))).toThrow(UnknownModel);
    expect(() => worstCaseMicroUsd('claude-sonet-5-5', 1, 1)).toThrow('did you mean "claude-sonnet-5-5"?');
    expect(() => maxTokensWithin('nothing-like-it-at-all', 1, 1)).toThrow(/^unknown model "nothing-like-it-at-all"$/);
    expect(() => modelFacts('toString')).toThrow(UnknownModel);
  });

  it('is found by its short name', () => {
    expect(nearestModel('haiku-5-5')).toBe('claude-haiku-5-5');
    expect(nearestModel('gpt')).toBeUndefined();
  });
});

describe('the facts of a model', () => {
  it.each([
    ['claude-opus-5-5', { contextTokens: 1_000_000, maxOutputTokens: 128_000, minCacheTokens: 512, compacts: true }],
    ['claude-haiku-5-5', { minCacheTokens: 512, compacts: true }],
    ['claude-sonnet-5', { minCacheTokens: 1_024, compacts: true }],
    ['claude-opus-4-7', { minCacheTokens: 2_048, compacts: true }],
    ['claude-haiku-4-5', { contextTokens: 200_000, maxOutputTokens: 64_000, minCacheTokens: 4_096, compacts: false }],
  ])('of %s are %j', (model, facts) => {
    expect(modelFacts(model)).toMatchObject(facts);
  });
});

describe('a price file', () => {
  const rates = { input: 1, output: 2, write5m: 1.25, write1h: 2, cacheRead: 0.005 };

  it('adds a model with prices that change and rise with length', () => {
    loadPrices({
      models: {
        'claude-house-1': {
          rates: [
            { ...rates, upToTokens: 10 },
            { ...rates, input: 3 },
            { ...rates, from: '2026-10-07', input: 5 },
          ],
          contextTokens: 50_000,
          efforts: ['low'],
          compacts: true,
        },
      },
    });
    expect(costMicroUsd('claude-house-1', usage(10), OCTOBER_6)).toBe(10);
    expect(costMicroUsd('claude-house-1', usage(11), OCTOBER_6)).toBe(33);
    expect(costMicroUsd('claude-house-1', usage(10), OCTOBER_7)).toBe(50);
    expect(costMicroUsd('claude-house-1', usage(0, 0, 200), OCTOBER_7)).toBe(1);
    expect(modelFacts('claude-house-1')).toMatchObject({
      contextTokens: 50_000,
      efforts: ['low'],
      thinking: [],
      compacts: true,
    });
  });

  it('replaces the prices of a known model and keeps its facts', () => {
    const before = modelFacts('claude-opus-4-7');
    loadPrices({ models: { 'claude-opus-4-7': { rates: [{ ...rates, input: 9 }] } } });
    expect(costMicroUsd('claude-opus-4-7', usage(2))).toBe(18);
    expect(modelFacts('claude-opus-4-7').contextTokens).toBe(before.contextTokens);
  });

  it('names every fault at once and then changes nothing', () => {
    const broken = {
      models: {
        'claude-opus-4-8': { rates: [{ ...rates, input: 99 }] },
        a: { rates: [{ ...rates, output: -1, from: '7 October', upToTokens: 0, price: 1 }], efforts: ['huge'] },
        b: { rates: [] },
        c: 7,
        d: { rates: [rates], compacts: 'yes' },
      },
    };
    for (const fault of [
      'a.rates[0].output',
      'a.rates[0].from',
      'a.rates[0].upToTokens',
      'a.rates[0].price',
      'a.efforts',
    ]) {
      expect(() => loadPrices(broken)).toThrow(`models.${fault}`);
    }
    expect(() => loadPrices(broken)).toThrow('models.b.rates: a list of at least one entry');
    expect(() => loadPrices(broken)).toThrow('models.d.compacts: must be true or false');
    expect(() => loadPrices(broken)).toThrow('models.c: must be an object');
    expect(costMicroUsd('claude-opus-4-8', usage(1))).toBe(5);
  });

  it.each([[undefined], [[]], [{}], [{ models: {} }]])('that holds no model is refused: %j', (json) => {
    expect(() => loadPrices(json)).toThrow('at least one model id');
  });

  it('without an open end, or without a price from ever, is refused', () => {
    expect(() => loadPrices({ models: { x: { rates: [{ ...rates, upToTokens: 5 }] } } })).toThrow('no "upToTokens"');
    expect(() => loadPrices({ models: { x: { rates: [{ ...rates, from: '2026-01-01' }] } } })).toThrow('from ever');
  });
});
