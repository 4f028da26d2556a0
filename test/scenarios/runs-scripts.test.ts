import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Muster } from '../../client/library/muster.ts';
import type { Fleet, FleetOutcome } from '../../client/library/library.ts';
import { startSimulatedClaude, type SimulatedClaude } from '../../client/simulated/server.ts';
import { MusterGround } from '../support/muster-process.ts';
import { scriptAnswers } from '../support/script-answers.ts';
import { CLAUDE_CODE_CASES, EXTRAS_CASE, SCRIPT_WORLD, scriptText, type ScriptCase } from '../support/script-cases.ts';

const IDENTITY = ['-c', 'user.name=t', '-c', 'user.email=t@example.test'];

/** Workflow scripts of Claude Code, unchanged, all at once on one stack; what they return is compared to the letter. */
describe('muster runs', () => {
  let ground: MusterGround;
  let claude: SimulatedClaude;
  let muster: Muster;

  beforeAll(async () => {
    ground = new MusterGround(SCRIPT_WORLD);
    for (const script of new Set([...CLAUDE_CODE_CASES, EXTRAS_CASE].map((one) => one.script)))
      ground.write(script, scriptText(script));
    const git = (...args: string[]) => execFileSync('git', ['-C', ground.directory, ...IDENTITY, ...args]);
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-qm', 'one');
    claude = await startSimulatedClaude({ latency: 0, scripts: [scriptAnswers] });
    const environment = { ...process.env, ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: claude.url };
    muster = await Muster.open({ cwd: ground.directory, home: ground.home, environment });
  });
  afterAll(async () => {
    await muster[Symbol.asyncDispose]();
    await ground[Symbol.asyncDispose]();
    await claude.close();
  });

  const start = ({ script, args, budgetUsd }: ScriptCase): Promise<Fleet> =>
    muster.start({ script, args }, { reuse: 'never', ...(budgetUsd === undefined ? {} : { budgetUsd }) });

  /** What it returned, how its subagents ended, and whether each of them is told of once. */
  async function expectEnd(fleet: Fleet, { result, error, view }: FleetOutcome, one: ScriptCase): Promise<void> {
    const { script, returns, census } = one;
    const none = { failed: 0, timed_out: 0, budget_reached: 0, stopped: 0, skipped: 0, not_attempted: 0 };
    expect({ script, result, error }).toEqual({ script, result: returns, error: undefined });
    expect({ script, census: view.census }).toEqual({ script, census: { ...none, ...census } });
    const labels = (await Array.fromAsync(fleet.allResults())).map(({ label }) => label);
    expect(labels).toHaveLength(Object.values(view.census).reduce((sum, count) => sum + count, 0));
    expect(new Set(labels).size).toBe(labels.length);
  }

  it.concurrent('ten scripts of nine shapes as Claude Code users write them', async () => {
    await Promise.all(
      CLAUDE_CODE_CASES.map(async (one) => {
        const fleet = await start(one);
        await expectEnd(fleet, await fleet.wait(), one);
      }),
    );
  });

  it.concurrent('a script with what muster adds, which asks a person in between', async () => {
    const fleet = await start(EXTRAS_CASE);
    const asked = await fleet.wait();
    expect(asked.view).toMatchObject({
      status: 'paused',
      reason: 'approval',
      approvals: [{ kind: 'script', title: '2 of 2 scouts verified. Start the wave?' }],
    });
    await fleet.approve();
    await expectEnd(fleet, await fleet.wait(), EXTRAS_CASE);
  });

  it.concurrent('a script that goes on without its wave when a person says no', async () => {
    const fleet = await start(EXTRAS_CASE);
    await fleet.wait();
    await fleet.reject();
    const { result } = await fleet.wait();
    const { results } = EXTRAS_CASE.returns as { results: unknown[] };
    expect(result).toEqual({ results: results.slice(0, 2), doubt: 'failed' });
  });
});
