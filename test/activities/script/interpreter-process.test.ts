import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InterpreterLost, InterpreterProcess } from '../../../activities/script/interpreter-process.ts';
import { interpreterProgram, type Launch } from '../../../activities/script/launch.ts';
import { DEFAULT_SCRIPT_LIMITS } from '../../../activities/script/limits.ts';
import { processorTimeMs } from '../../../activities/script/process-time.ts';
import type { ScriptRoom } from '../../../activities/script/parts.ts';
import { runScript } from '../../../activities/script/run-script.ts';
import { within } from '../../support/processes.ts';
import { never } from './script-fleet.ts';
import { ScriptWorld } from './script-world.ts';

let plain: ScriptWorld;
let worker: ScriptRoom;
beforeAll(async () => {
  plain = await ScriptWorld.open({ limits: { exchangeMs: 1_000, starvedMs: 5_000 } });
  worker = plain.worker();
});
afterAll(() => plain[Symbol.asyncDispose]());

/** Of this process, those that interpret scripts, wherever below it they stand. */
function interpreters(): number[] {
  const below = (pid: number): number[] => {
    const children = readFileSync(`/proc/${pid.toString()}/task/${pid.toString()}/children`, 'utf8');
    return children
      .split(' ')
      .filter(Boolean)
      .map(Number)
      .flatMap((child) => [child, ...tryBelow(child)]);
  };
  const tryBelow = (pid: number): number[] => {
    try {
      return below(pid);
    } catch {
      return []; // it ended meanwhile
    }
  };
  return below(process.pid).filter((pid) => tryRead(`/proc/${pid.toString()}/cmdline`).includes('child/main'));
}

function tryRead(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function tryLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '/dev/null'; // closed meanwhile
  }
}

/** One fleet's script after the other: how it ended. */
async function errorOf(body: string): Promise<string> {
  const fleet = await plain.fleet(body);
  const { error } = await fleet.run(worker);
  return `${error?.type ?? 'none'}: ${error?.message ?? ''}`;
}

describe('what never comes back to the engine', () => {
  it.each([
    ['a list that is joined', 'new Array(2 ** 32 - 2).join()'],
    ['a list that is sorted', 'new Array(2 ** 32 - 2).sort()'],
    ['microtasks without end', 'const f = async () => { for (;;) await null }; await f()'],
  ])('is ended with its child, and the next script is fine: %s', async (_, body) => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 50);
    expect(await errorOf(body)).toMatch(/^Script\.(Interrupted|Memory): /);
    clearInterval(timer);
    // The worker itself had its turns meanwhile.
    expect(ticks).toBeGreaterThan(5);
    expect(await errorOf('return 1')).toBe('none: ');
  });

  it('is caught by the script where the engine has room for that', async () => {
    const body = 'let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; let n = 0; ';
    const tries = [
      'JSON.stringify(o)',
      'JSON.parse("[".repeat(1e5))',
      'eval("(".repeat(1e4))',
      '(function f() { f() })()',
    ];
    const fleet = await plain.fleet(body + tries.map((one) => `try { ${one} } catch { n++ }`).join(';') + '; return n');
    const patient = plain.worker({ limits: DEFAULT_SCRIPT_LIMITS });
    expect(await fleet.run(patient)).toEqual({ value: tries.length, error: undefined });
  });
});

describe('the child', () => {
  it('has no environment, no descriptors but its pipes, bounds, and stands back', async () => {
    const fleet = await plain.fleet('await agent("a")');
    await fleet.next(worker);
    const [pid] = interpreters();
    const proc = `/proc/${pid!.toString()}`;
    expect(readFileSync(`${proc}/environ`, 'utf8')).toBe('');
    const open = readdirSync(`${proc}/fd`).map((fd) => tryLink(`${proc}/fd/${fd}`));
    expect(open.filter((target) => !/^(pipe|socket|anon_inode):|^\/dev\/null$/.test(target))).toEqual([]);
    expect(open.filter((target) => target.startsWith('socket:')).length).toBeLessThanOrEqual(3);
    const limits = readFileSync(`${proc}/limits`, 'utf8');
    expect(limits).toMatch(/Max cpu time +300 /);
    expect(limits).toMatch(/Max data size +1073741824 /);
    expect(limits).toMatch(/Max core file size +0 /);
    const stat = readFileSync(`${proc}/stat`, 'utf8');
    expect(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])).toBeGreaterThanOrEqual(5);
  });

  it('ends when its worker is gone', async () => {
    const script = `
      const { InterpreterProcess } = await import(${JSON.stringify(new URL('../../../activities/script/interpreter-process.ts', import.meta.url).href)});
      const launch = async (program) => ({ ...program });
      const limits = ${JSON.stringify(DEFAULT_SCRIPT_LIMITS)};
      await InterpreterProcess.start(launch, limits, { file: 'a.js', source: '', clockMs: 0, fuelTicks: 1 });
      process.stdout.write('up');
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    const [child] = readFileSync(`/proc/${owner.pid!.toString()}/task/${owner.pid!.toString()}/children`, 'utf8').split(
      ' ',
    );
    owner.kill('SIGKILL');
    await within(10_000, () => !tryRead(`/proc/${child!}/cmdline`).includes('child/main'));
  });

  it('that dies is replaced, and the script goes on; one that always dies ends its script', async () => {
    const fleet = await plain.fleet('return await agent("a")');
    await fleet.next(worker);
    const killed = interpreters();
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await within(10_000, () => !interpreters().some((pid) => killed.includes(pid)));
    expect(await fleet.valueOf(await fleet.next(worker, await fleet.end()))).toBe('A');

    const dying = await plain.fleet('return 1');
    dying.exchange = 1;
    const launch = () =>
      Promise.resolve({
        command: '/bin/sh',
        args: ['-c', 'read x; echo \'{"ready":true}\'; read x; echo gone >&2; exit 3'],
        env: {},
      });
    const own = plain.worker({ launch });
    for (let i = 0; i < 4; i++) await expect(runScript(own, dying.ref(), never)).rejects.toThrow('gone');
    expect(await runScript(own, dying.ref(), never)).toMatchObject({
      outcome: { error: { type: 'Script.Interrupted', message: expect.stringContaining('gone') as string } },
    });
  });

  it.each([
    ['says too much', 'read x; yes \'{"ready":true}\'', 'death'],
    ['says what is no message', 'read x; echo hello; sleep 60', 'death'],
    ['says nothing', 'read x; sleep 60', 'time'],
    ['has no memory', 'echo "FATAL ERROR: Reached heap limit Allocation failed" >&2; exit 1', 'memory'],
    ['is not there', 'exec /nonexistent/node', 'death'],
  ])('that %s is ended', async (_, script, by) => {
    const launch = () => Promise.resolve({ command: '/bin/sh', args: ['-c', script], env: {} });
    const opening = { file: 'a.js', source: '', clockMs: 0, fuelTicks: 1 };
    const limits = { ...DEFAULT_SCRIPT_LIMITS, startMs: 300, starvedMs: 600, exchangeMs: 300 };
    const outcome = await InterpreterProcess.start(launch, limits, opening)
      .then(async (started) => {
        const turn = { isFirst: true, exchange: 1, news: [], budget: { total: null, spent: 0 } };
        return started.turn(turn, () => undefined).finally(() => started.close());
      })
      .catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(InterpreterLost);
    expect((outcome as InterpreterLost).by).toBe(by);
  });

  it('gives back what was made for it, once it is gone', async () => {
    let released = 0;
    const launch: Launch = async (program) => ({
      ...(await worker.parts.launch(program)),
      release: () => Promise.resolve(void released++),
    });
    const opening = { file: 'a.js', source: '', clockMs: 0, fuelTicks: 1 };
    const started = await InterpreterProcess.start(launch, DEFAULT_SCRIPT_LIMITS, opening);
    expect(released).toBe(0);
    await started.close();
    await started.close();
    expect(released).toBe(1);
  });

  it('reads no more of this host than its own files', () => {
    const { args, readOnlyPaths, hasNetwork } = interpreterProgram();
    expect(hasNetwork).toBe(false);
    expect(args).toContain('--permission');
    expect(readOnlyPaths.filter((path) => path.endsWith('/node_modules'))).toEqual([]);
  });
});

describe('in a sandbox', () => {
  it('scripts run as they do without, and see nothing of the host', async () => {
    await using boxed = await ScriptWorld.open({ isolation: 'bubblewrap' });
    const own = boxed.worker();
    const fleet = await boxed.fleet('return [await agent("a"), typeof process]');
    await fleet.next(own);
    const [pid] = interpreters().slice(-1);
    expect(readdirSync(`/proc/${pid!.toString()}/root`).includes('home')).toBe(false);
    expect(await fleet.valueOf(await fleet.next(own, await fleet.end()))).toEqual(['A', 'undefined']);
    await within(10_000, () => !interpreters().includes(pid!));
  });

  it('that does not start ends a script that has done nothing yet, and holds up one that has', async () => {
    const unavailable = Object.assign(new Error('bubblewrap is not installed'), { name: 'SandboxUnavailable' });
    const own = plain.worker({ launch: () => Promise.reject(unavailable) });
    const fleet = await plain.fleet('return await agent("a")');
    const error = { type: 'Script.NoSandbox', message: expect.stringContaining('MUSTER_SANDBOX=none') as string };
    expect(await fleet.next(own)).toMatchObject({ kind: 'ended', outcome: { error } });

    const begun = await plain.fleet('return await agent("a")');
    await begun.next(worker);
    begun.exchange = 2;
    await expect(runScript(own, begun.ref(await begun.end()), never)).rejects.toThrow('bubblewrap is not installed');
    expect(await begun.valueOf(await runScript(worker, begun.ref([0]), never))).toBe('A');
  });
});

it('processor time is that of a process and those below it', async () => {
  const before = processorTimeMs(process.pid)!;
  const until = performance.now() + 100;
  while (performance.now() < until);
  expect(processorTimeMs(process.pid)! - before).toBeGreaterThan(0);
  expect(processorTimeMs(2 ** 22 + 1)).toBeUndefined();
});
