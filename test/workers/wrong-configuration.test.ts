import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/temporary.ts';

const BIN = join(import.meta.dirname, '../../bin/muster.js');

/** Ends of a command, in a directory of its own, with this environment and no other. */
async function muster(args: string[], env: Record<string, string>): Promise<{ code: number; stderr: string }> {
  await using place = await temporaryDirectory();
  const full = { PATH: process.env['PATH'], HOME: place.path, MUSTER_HOME: join(place.path, 'home'), ...env };
  return await new Promise((resolve) =>
    execFile(process.execPath, [BIN, ...args], { env: full, cwd: place.path }, (error, _stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stderr }),
    ),
  );
}

test.each([
  ['MUSTER_ARTIFACTS', { MUSTER_ARTIFACTS: 's3://key:hidden-value@bucket/prefix' }],
  ['MUSTER_ARTIFACTS', { MUSTER_ARTIFACTS: 's3://bucket/prefix?pathstyle=true' }],
  [
    'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    { TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/nowhere/ca.pem' },
  ],
  ['TEMPORAL_ADDRESS', { TEMPORAL_ADDRESS: 'https://temporal.example.com' }],
])('%s is named by a command and by a worker, and ends it with 2: %o', async (key, env) => {
  const given = { ANTHROPIC_API_KEY: 'any-key-of-a-test', ...env };
  for (const args of [['list'], ['worker', '--role', 'all']]) {
    const { code, stderr } = await muster(args, given);
    expect({ args, code, stderr }).toEqual({ args, code: 2, stderr: expect.stringContaining(key) });
    expect(stderr).not.toContain('hidden-value');
    expect(stderr).not.toContain('    at ');
  }
});
