import type { Register } from '../context.ts';
import { duration, microUsd, wholeNumber } from '../values.ts';
import type { McpFlags } from '../../mcp/serve.ts';

const EXAMPLES = `
Examples:
  claude mcp add muster -- muster mcp              for Claude Code; ends with it
  muster mcp --allow 'Bash(npm test:*)' --budget 20 --wait 30m
  MUSTER_MCP_TOKEN=… muster mcp --listen 127.0.0.1:7400

Calls may start fleets of what \`edit\` and spawn_subagents allow, in the current directory and below, and steer
any fleet of this home. --allow adds to that, --deny takes from it. A fleet goes on when the server has ended.`;

const collected = (value: string, before: string[] = []): string[] => [...before, value];

export const register: Register = (program) => {
  program
    .command('mcp')
    .summary('serve MCP: other programs start and steer fleets')
    .description('Serves the Model Context Protocol on stdin and stdout, or with --listen over HTTP at /mcp.')
    .option('--cwd <dir>', 'where fleets work, in place of the current directory')
    .option('--add-dir <dir>', 'another directory they may work on; may be repeated', collected)
    .option('--allow <rule>', 'what subagents may do besides; may be repeated', collected)
    .option('--deny <rule>', 'what none of them may do; may be repeated', collected)
    .option('--budget <usd>', 'hard cap of each fleet', microUsd)
    .option('--max-agents <n>', 'most subagents of each fleet, spawned ones included', wholeNumber(100_000))
    .option('--wait <duration>', 'how long a call waits for its fleet where it does not say (default 50s)', duration)
    .option('--simulate', 'a simulated Claude for all fleets: no credential, no cost')
    .option('--listen <host:port>', 'HTTP in place of stdin and stdout; the token is MUSTER_MCP_TOKEN, or is printed')
    .option('--remote', 'listen where other machines can reach it')
    .option('--host <name>', 'another name by which clients address it; may be repeated', collected)
    .addHelpText('after', EXAMPLES)
    .action(async (flags: McpFlags) => {
      const { serveMcp } = await import('../../mcp/serve.ts');
      await serveMcp(flags, (line) => void process.stderr.write(`muster mcp: ${line}\n`));
    });
};
