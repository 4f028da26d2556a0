import { z } from 'zod';
import type { CommandOutcome } from '../sandbox/sandbox.ts';
import { defineTool } from './define-tool.ts';
import { Refusal, ToolError } from './refusal.ts';
import { count } from './text.ts';
import type { AllowedCall, Tool } from './tool.ts';

const DEFAULT_TIMEOUT_MS = 120_000;
const MAX_TIMEOUT_MS = 600_000;
/** As Claude Code shows at most; about 8,000 tokens. */
const MAX_OUTPUT_CHARS = 30_000;

const input = z.strictObject({
  command: z
    .string()
    .refine((command) => command.trim() !== '', 'write a command')
    .refine((command) => !command.includes('\0'), 'a command cannot hold a NUL character')
    .describe('The command to run.'),
  timeout: z
    .int()
    .min(1)
    .max(MAX_TIMEOUT_MS)
    .optional()
    .describe(
      `Milliseconds it may take, at most ${MAX_TIMEOUT_MS.toString()}; without it ${DEFAULT_TIMEOUT_MS.toString()}.`,
    ),
  description: z.string().optional().describe('What the command does, in a few words.'),
});

/** What the model may do about a command that was ended. */
const WHY_ENDED: Readonly<Record<NonNullable<CommandOutcome['endedBy']>, string>> = {
  timeout:
    'Ended: it took longer than its timeout. Ask for a longer one, do less at once, or start what runs for long in the background with its output in a file.',
  output: 'Ended: it printed too much. Send its output to a file and look at a part of that, or make it print less.',
  memory: 'Ended: the sandbox ran out of memory. Do less at once: fewer parallel jobs, smaller inputs.',
  disk: 'Ended: it wrote more to the disk than a sandbox may. Remove what is not needed and write less.',
  death: 'Ended: its shell died under it.',
};

/** The shell of the subagent's sandbox: the same one from call to call, as long as it lives. */
export function createBashTool(): Tool {
  const known = new WeakSet<object>();
  return defineTool({
    name: 'Bash',
    description: [
      'Runs a command in bash, inside a sandbox that holds the workspace, a read-only system and nothing else, and returns what it printed and its exit code when that is not 0.',
      'The working directory and variables stay from call to call. Commands read nothing from stdin. There is no network but for hosts you were granted.',
      `Output beyond ${count(MAX_OUTPUT_CHARS, 'character')} is cut in the middle. Read, Grep and Glob are better than cat, grep and find; Edit and Write better than sed and echo.`,
    ].join(' '),
    kind: 'command',
    input,
    path: () => undefined,
    command: ({ command }) => command,
    async run({ command, timeout }, call) {
      const { sandbox } = call;
      if (!sandbox) throw new Refusal('SANDBOX_UNAVAILABLE', 'this subagent has no sandbox to run commands in');
      const outcome = await runIn(sandbox, command, { timeoutMs: timeout ?? DEFAULT_TIMEOUT_MS, signal: call.signal });
      const isReplaced = outcome.isNewShell && known.has(sandbox);
      known.add(sandbox);
      const answer = presented(outcome, isReplaced);
      if (outcome.exitCode !== 0) throw new ToolError(answer, { hasWritten: true });
      return { content: answer, hasWritten: true };
    },
  });
}

async function runIn(
  sandbox: NonNullable<AllowedCall['sandbox']>,
  ...args: Parameters<typeof sandbox.run>
): Promise<CommandOutcome> {
  try {
    return await sandbox.run(...args);
  } catch (error) {
    // By its name: rooms meet in types alone.
    if (error instanceof Error && error.name === 'SandboxUnavailable')
      throw new Refusal('SANDBOX_UNAVAILABLE', error.message);
    throw error;
  }
}

function presented({ exitCode, endedBy, output, isNewShell }: CommandOutcome, isReplaced: boolean): string {
  const news =
    isReplaced && isNewShell
      ? '(This shell is new: with the earlier one its variables, functions, background processes and working directory are gone.)'
      : undefined;
  const text = cutInMiddle(output.trimEnd());
  const ending = endedBy === undefined ? undefined : WHY_ENDED[endedBy];
  const status = exitCode === 0 || exitCode === null ? undefined : `Exit code ${exitCode.toString()}`;
  const nothing = exitCode === 0 && text === '' ? '(The command printed nothing.)' : text;
  return [news, status, nothing, ending].filter((part) => part !== undefined && part !== '').join('\n');
}

function cutInMiddle(text: string): string {
  if (text.length <= MAX_OUTPUT_CHARS) return text;
  const half = MAX_OUTPUT_CHARS / 2;
  const head = text.slice(0, half).replace(/[\ud800-\udbff]$/, '');
  const tail = text.slice(-half).replace(/^[\udc00-\udfff]/, '');
  const missing = count(text.length - head.length - tail.length, 'character');
  return `${head}\n\n(Cut: ${missing} left out here. Send the output to a file and look at a part of it.)\n\n${tail}`;
}
