import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { shellQuoted } from '../cli/figures.ts';
import type { Config } from '../config.ts';
import { bubblewrap } from '../local/doctor/sandbox-checks.ts';
import { entry } from '../local/entries.ts';
import { repositoryPath } from './repositories.ts';

/** How the fleet verifies its changes in the subagents' sandbox. */
export interface SandboxedVerification {
  /** For `verify` of the fleet file, over targets. */
  command: string;
  /** The configuration with what the sandbox must show: this Node, and the originals beside the program that compares. */
  config: Config;
}

/**
 * Puts the verifying program into the demo's directory. A text instead: why no sandbox verifies here. Safe to call twice.
 */
export async function prepareSandbox(config: Config, directory: string): Promise<SandboxedVerification | string> {
  const { operator } = config;
  if (operator.sandbox === 'none') return 'the operator says `sandbox: none`';
  const check = await bubblewrap();
  if (check.status !== 'ok') return check.detail;
  const source = entry('client/demo/sandboxed/verify-changes');
  // Alone there, without a package.json that says what kind of module it is.
  const program = join(directory, `verify-changes${extname(source) === '.ts' ? '.mts' : '.mjs'}`);
  await mkdir(directory, { recursive: true });
  await copyFile(source, program);
  const paths = [dirname(process.execPath), directory];
  const sandboxReadOnlyPaths = [...new Set([...operator.sandboxReadOnlyPaths, ...paths])];
  return {
    command: [process.execPath, program, repositoryPath(directory, '${{ target.name }}')].map(shellQuoted).join(' '),
    config: { ...config, operator: { ...operator, sandboxReadOnlyPaths } },
  };
}
