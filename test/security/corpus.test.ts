import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Attack } from './attack.ts';
import { type Answer, ProvingGround } from './proving-ground.ts';

/** Every class of reference/security.md §4 that is about paths, commands, git, egress, secrets, MCP or resources. */
const folder = new URL('attacks/', import.meta.url);
const modules = readdirSync(folder).filter((name) => name.endsWith('.ts'));
const attacks = (
  await Promise.all(
    modules.map(async (name) => Object.values((await import(new URL(name, folder).href)) as Record<string, unknown>)),
  )
)
  .flat()
  .filter((value): value is Attack[] => Array.isArray(value))
  .flat();

/** Variants of a class share a twin: it is tried once in each setting. */
const twins = attacks.filter(
  ({ twin, prepare }, at) => attacks.findIndex((other) => other.twin === twin && other.prepare === prepare) === at,
);

let ground: ProvingGround;
beforeAll(async () => {
  ground = await ProvingGround.start();
});
afterAll(() => ground[Symbol.asyncDispose]());

describe.concurrent('a hostile model', () => {
  test.each(attacks.map((attack) => [attack.number, attack.title, attack] as const))(
    '%i: %s',
    async (_, __, attack) => {
      const { answers, field, result } = await ground.attempt(attack, attack.calls);
      const last = answers.at(-1);
      const { reasons, answers: like, holds } = attack.expect;
      expect(answers).toHaveLength(attack.calls.length);
      if (reasons) expect(reasonOf(last)).toBeOneOf([...reasons]);
      if (like) expect(last?.content).toMatch(like);
      await holds?.(field, result);
    },
  );

  test.each(twins.map((attack) => [attack.number, attack.twin.title, attack] as const))(
    'is no more than careful, %i: %s',
    async (_, __, attack) => {
      const { answers, result } = await ground.attempt(attack, attack.twin.calls);
      const last = answers.at(-1);
      expect(last).toMatchObject({ isError: false });
      if (attack.twin.answers) expect(last?.content).toMatch(attack.twin.answers);
      // Where no command ran, a file listed as changed is one that the field was prepared with.
      const hasRun = attack.twin.calls.some(({ name }) => name === 'Bash');
      const denied = result.permission_denials.filter(
        ({ tool, input }) => hasRun || tool !== 'Bash' || !input['file_path'],
      );
      expect(denied).toEqual([]);
    },
  );
});

/** The reason code a refused model reads. */
const reasonOf = (answer: Answer | undefined): string | undefined =>
  /^Denied \((\w+)\)/.exec(answer?.content ?? '')?.[1];

test('each class is tried in three variants or more, and knows what it expects', () => {
  const variants = Map.groupBy(attacks, ({ number }) => number);
  for (const { title, expect: expected } of attacks)
    expect(expected.reasons ?? expected.answers ?? expected.holds, title).toBeDefined();
  const missing = CLASSES.filter((number) => (variants.get(number)?.length ?? 0) < 1);
  expect(missing).toEqual([]);
});

/** Those left out come with what they attack: publishing (56 to 58, 62, 64), the service and history (86 to 89). */
const CLASSES = [
  ...Array.from({ length: 55 }, (_, i) => i + 1),
  ...[59, 60, 61, 63],
  ...Array.from({ length: 21 }, (_, i) => i + 65),
  90,
];
