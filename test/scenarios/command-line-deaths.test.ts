import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOME } from '../../workflows/contract/home.ts';
import { ended, MusterGround } from '../support/muster-process.ts';

const TURNS = 15;
const SLOW = `
name: slow
tasks:
${Array.from({ length: 8 }, (_, i) => `  - { label: s${i.toString()}, prompt: 'Take your time, ${i.toString()}. [[simulate turns=${TURNS.toString()} latency=400ms]]' }`).join('\n')}
`;

interface Whole {
  id: string;
  status: string;
  census: Record<string, number>;
  results: { label: string; status: string; num_turns: number }[];
}

/** Every process that carries this home in its environment. */
function processesOf(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid.toString()}/environ`, 'utf8').split('\0').includes(`MUSTER_HOME=${home}`);
      } catch {
        return false; // gone, or not ours to look at
      }
    });
}

describe('the command line outlives', () => {
  let ground: MusterGround;
  beforeAll(() => {
    ground = new MusterGround({ 'slow.yaml': SLOW, 'x.js': '1' });
  });
  afterAll(() => ground[Symbol.asyncDispose]());

  const pidOf = (file: string): number =>
    (JSON.parse(readFileSync(join(ground.home, file), 'utf8')) as { pid: number }).pid;
  const workerPid = (): number =>
    pidOf(
      join(
        HOME.run,
        readdirSync(join(ground.home, HOME.run)).find((name) => /^worker-.*\.json$/.test(name))!,
      ),
    );
  const status = async (): Promise<Whole & { running: number }> =>
    JSON.parse((await ground.run(['status', '@latest', '--output-format', 'json'])).stdout) as Whole & {
      running: number;
    };

  /** Starts a fleet and comes back once all of it runs. */
  async function running() {
    const child = ground.start(['run', 'slow.yaml', '--simulate', '--fresh', '--output-format', 'json', '--quiet']);
    const end = ended(child);
    await expect.poll(status, { timeout: 60_000, interval: 300 }).toMatchObject({ status: 'running', running: 8 });
    return { child, end };
  }

  function expectWhole(stdout: string): void {
    const { status, census, results } = JSON.parse(stdout) as Whole;
    expect({ status, completed: census['completed'] }).toEqual({ status: 'completed', completed: 8 });
    expect(results.map(({ label, num_turns }) => [label, num_turns])).toEqual(
      Array.from({ length: 8 }, (_, i) => [`s${i.toString()}`, TURNS]),
    );
  }

  it('its own kill -9: the fleet goes on, and watch ends with the result', async () => {
    const { child, end } = await running();
    child.kill('SIGKILL');
    expect((await end).code).toBe(null);
    expect(await status()).toMatchObject({ status: 'running' });
    const watched = await ground.run(['watch', '@latest', '--output-format', 'json', '--quiet']);
    expect(watched).toMatchObject({ code: 0, stderr: '' });
    expectWhole(watched.stdout);
  });

  it('a kill -9 of its worker and then of its server: run brings both back and ends with 0', async () => {
    const { end } = await running();
    const before = { worker: workerPid(), server: pidOf(HOME.serverFile) };
    process.kill(before.worker, 'SIGKILL');
    await expect.poll(workerPid, { timeout: 30_000 }).not.toBe(before.worker);
    process.kill(before.server, 'SIGKILL');
    await expect.poll(() => pidOf(HOME.serverFile), { timeout: 30_000 }).not.toBe(before.server);
    const { code, stdout } = await end;
    expect(code).toBe(0);
    expectWhole(stdout);
  });

  it('a kill -9 of everything at once: watch brings back what is missing, and the fleet ends', async () => {
    const { child, end } = await running();
    for (const pid of [child.pid!, workerPid(), pidOf(HOME.simulatedFile), pidOf(HOME.serverFile)])
      process.kill(pid, 'SIGKILL');
    await end;
    const watched = await ground.run(['watch', '@latest', '--output-format', 'json', '--quiet']);
    expect(watched).toMatchObject({ code: 0, stderr: '' });
    expectWhole(watched.stdout);
  });

  it('leaves nothing running after down, by the word of /proc', async () => {
    expect(processesOf(ground.home).length).toBeGreaterThanOrEqual(3);
    const pids = processesOf(ground.home);
    const worker = pids.filter((pid) => readFileSync(`/proc/${pid.toString()}/cmdline`, 'utf8').includes('worker'));
    expect(worker.length).toBeGreaterThan(0);
    expect(await ground.run(['down'])).toMatchObject({ code: 0 });
    await expect.poll(() => processesOf(ground.home)).toEqual([]);
  });
});
