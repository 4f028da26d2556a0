import { expect, test } from 'vitest';
import { FleetDirectory } from './fleet-directory.ts';

const FILE = `params:
  lib: moment
  turns: { type: integer, default: 4 }
  team: { type: string, pattern: '^[a-z]+$' }
tasks:
  - prompt: \${{ params.team }} drops \${{params.lib}}, not $\${{ params.lib }}
    maxTurns: \${{ params.turns }}
`;

test('parameters are filled in, typed where they stand alone', async () => {
  using directory = new FleetDirectory();
  const plan = await directory.load(FILE, { params: { team: 'core', turns: '7' } });
  expect(plan.tasks[0]).toMatchObject({ prompt: 'core drops moment, not ${{ params.lib }}', maxTurns: 7 });
});

test.each([
  [{}, 'fleet.yaml:4:3: the parameter `team` has no value; give -p team=VALUE or a `default`'],
  [{ team: 'A1' }, '-p: `team` is the text "A1"; write a text that matches ^[a-z]+$'],
  [{ team: 'a', turns: 'x' }, '-p: `turns` is the text "x"; write -p turns=… with a whole number'],
  [{ team: 'a', turn: '3' }, '-p: the file declares no parameter `turn`; write -p turns=…'],
])('%j is refused', async (params, fault) => {
  using directory = new FleetDirectory();
  await expect(directory.faults(FILE, { params: params as Record<string, string> })).resolves.toContain(fault);
});
