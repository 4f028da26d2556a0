import { parseArgs } from 'node:util';
import { CommandFailure } from '../cli/context.ts';

export interface DemoOptions {
  repositories: number;
  /** Make the repositories and have the work done anew. */
  isFresh: boolean;
  /** Spend without asking. */
  isAgreed: boolean;
  /** Simulated Claude although there is a credential. */
  isSimulated: boolean;
}

const DEFAULT_REPOSITORIES = 45;

export const HELP = `npm start [-- OPTIONS]

The demo: the source of ${DEFAULT_REPOSITORIES} packages that npm ci installed becomes as many git repositories, and a fleet of one
subagent each finds every use of deprecated Node APIs, migrates what is safe to migrate and reports the rest. In its
sandbox each changed file is parsed, and tests of the package that need nothing installed must pass as before. With ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN it is real Claude, after a question; else
simulated Claude, at no cost. Everything lies below .muster/demo; nothing is left running.

  --repositories N   as many repositories and subagents (default ${DEFAULT_REPOSITORIES})
  --fresh            make the repositories anew and reuse no result of an earlier run
  --simulate         simulated Claude even with a credential
  --yes              start without asking, even when it costs money
  --help             this text

Ctrl-C leaves the fleet to itself (npx muster watch @latest); a second one within 3 s cancels it.
Exit codes are those of muster run; 3 also stands for a change that does not hold.
`;

/** undefined: `--help`. Throws `CommandFailure` 2. */
export function readOptions(args: readonly string[]): DemoOptions | undefined {
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        repositories: { type: 'string', default: String(DEFAULT_REPOSITORIES) },
        ...{ fresh: flag, yes: flag, simulate: flag },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return undefined;
    const repositories = Number(values.repositories);
    if (!/^\d{1,4}$/.test(values.repositories) || repositories < 1)
      throw new Error(`--repositories ${values.repositories}: a whole number from 1 is needed`);
    return { repositories, isFresh: values.fresh, isAgreed: values.yes, isSimulated: values.simulate };
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('. ', 1)[0] ?? '') : String(error);
    throw new CommandFailure(2, message, 'npm start -- --help');
  }
}
