import { expect, it } from 'vitest';
import { knownModels } from '../../../../activities/claude/prices.ts';
import { modelClass } from '../../../../activities/claude/limits/model-class.ts';

it.each([
  ['claude-opus-5-5', 'opus-5'],
  ['claude-opus-5', 'opus-5'],
  ['claude-opus-4-8', 'opus-4'],
  ['claude-sonnet-4-5-20250929', 'sonnet-4'],
  ['claude-haiku-5-5', 'haiku-5'],
  ['claude-fable-5-2', 'fable-5'],
  ['claude-mythos-5-1', 'fable-5'],
  ['claude-mythos-preview', 'claude-mythos-preview'],
  ['my-gateway/model', 'my-gateway/model'],
])('%s shares the limits of %s', (model, group) => {
  expect(modelClass(model)).toBe(group);
});

it('every priced model but a preview has a line and a major version', () => {
  expect(knownModels().filter((model) => modelClass(model) === model && !model.includes('preview'))).toEqual([]);
});
