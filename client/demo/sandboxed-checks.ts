import type { Verified } from '../../workflows/contract/task.schema.ts';

/** What the verification in the sandbox says it did, in numbers. */
export interface SandboxedChecks {
  ok: boolean;
  /** Changed files it had parsed. */
  parsed: number;
  /** Test files of the package itself that passed on the original, and were run again. */
  tests: number;
  /** Files that do not hold any more. */
  broken: string[];
}

/** Its last line counts; without one, whether it passed is all that is known. undefined: it did not run. */
export function readSandboxed(verify: readonly Verified[] | undefined): SandboxedChecks | undefined {
  const verified = verify?.[0];
  if (!verified) return undefined;
  const { ok, tail = '' } = verified;
  const line = /^verified (\{.*\})$/.exec(tail.trimEnd().split('\n').at(-1) ?? '')?.[1];
  const said = line === undefined ? {} : (parsed(line) as Partial<Record<'parsed' | 'tests' | 'broken', unknown>>);
  const names = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  return { ok, parsed: names(said.parsed).length, tests: names(said.tests).length, broken: names(said.broken) };
}

/** What ran in a sandbox may have printed anything. */
function parsed(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    return {};
  }
}

/** `2 files, 5 test files`, `-` where nothing changed, else what does not hold; empty where no sandbox verified it. */
export function sandboxedText(checks: SandboxedChecks | undefined): string {
  if (!checks) return '';
  const { ok, parsed, tests, broken } = checks;
  if (!ok) return broken.length === 0 ? 'NO' : `NO: ${broken.length}`;
  if (parsed === 0) return '-';
  return tests === 0 ? `parsed ${parsed}` : `parsed ${parsed}, own tests ${tests}`;
}
