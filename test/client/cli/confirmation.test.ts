import { describe, expect, it } from 'vitest';
import { confirmSpending, spendingText } from '../../../client/cli/confirmation.ts';
import type { CommandFailure } from '../../../client/cli/context.ts';
import type { Terminal } from '../../../client/cli/terminal.ts';
import type { FleetPlan } from '../../../client/spec/plan.ts';
import { FleetDirectory } from '../spec/fleet-directory.ts';

async function planned(count: number, more: Partial<FleetPlan> = {}, permissions = 'edit'): Promise<FleetPlan> {
  using directory = new FleetDirectory();
  const tasks = Array.from({ length: count }, () => ({ prompt: 'a', permissions: rules(permissions) }));
  return { ...(await directory.load(JSON.stringify(tasks), { as: 'tasks.json' })), ...more };
}

const rules = (permissions: string): unknown =>
  permissions === 'spawn' ? { allow: ['spawn_subagents'] } : permissions;

/** What was said, and what it ended in; no terminal to ask on. */
async function confirmed(plan: FleetPlan, isAgreed = false): Promise<{ said: string[]; failure?: CommandFailure }> {
  const said: string[] = [];
  const terminal = { isInteractive: false, say: (line: string) => said.push(line) } as unknown as Terminal;
  try {
    await confirmSpending({ plan, isSimulated: false, isAgreed }, terminal);
    return { said };
  } catch (error) {
    return { said, failure: error as CommandFailure };
  }
}

describe('before real money is spent', () => {
  it('a dozen is nothing to ask about; one more is', async () => {
    expect(await confirmed(await planned(12))).toEqual({ said: [] });
    const { said, failure } = await confirmed(await planned(13));
    expect(said).toEqual(['13 subagents on claude-sonnet-5-5, no budget, worst case unbounded']);
    expect(failure).toMatchObject({
      ...{ exitCode: 2, code: 'no_budget', message: '13 subagents with real Claude and no budget' },
      hint: 'give --budget USD, write maxBudgetUsd into the file, or agree with --yes',
    });
  });

  it('a parent counts with all it may spawn: that is said, with what would bound it', async () => {
    const prompt = await planned(1, { kind: 'prompt' }, 'spawn');
    const text = 'up to 1,001 subagents on claude-sonnet-5-5, no budget, worst case unbounded';
    expect(spendingText(prompt)).toBe(text);
    const unbounded = 'nothing bounds what it may spend: give --budget USD or --max-agents N';
    expect(await confirmed(prompt)).toEqual({ said: [text, unbounded] });
    expect(await confirmed({ ...prompt, maxTotalAgents: 11 })).toEqual({ said: [] });
    expect(await confirmed(prompt, true)).toEqual({ said: [text] });
    const bounded = await confirmed({ ...prompt, maxBudgetMicroUsd: 5_000_000 });
    expect(bounded).toEqual({ said: [expect.stringMatching(/budget \$5.00, worst case \$5.00$/)] });
  });

  it('a script has no subagents yet, and may have as many as it is allowed', async () => {
    const script = { defaults: { model: 'claude-opus-5-5' } } as FleetPlan['script'] & object;
    const plan = { ...(await planned(1)), tasks: [], kind: 'script' as const, script, maxTotalAgents: 40 };
    expect(spendingText(plan)).toBe('up to 40 subagents on claude-opus-5-5, no budget, worst case unbounded');
    expect(await confirmed(plan)).toMatchObject({ said: [expect.anything(), expect.stringContaining('--budget')] });
    expect(await confirmed({ ...plan, maxTotalAgents: 12 })).toEqual({ said: [] });
  });
});
