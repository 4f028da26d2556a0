/** Tools of Claude Code and of muster that are no tool here yet, or not for everyone: refused, never "unknown". */
const KNOWN = new Set([
  ...['Bash', 'BashOutput', 'KillShell', 'NotebookEdit', 'MultiEdit', 'WebFetch', 'WebSearch', 'LSP', 'ToolSearch'],
  ...['Agent', 'Task', 'TaskOutput', 'TaskStop', 'Workflow', 'Skill', 'AskUserQuestion', 'TodoWrite', 'ExitPlanMode'],
  ...['spawn_subagents', 'collect_subagents', 'read_result'],
]);

/** Whether `name` is a tool that could be granted, though nothing here runs it. */
export function isKnownElsewhere(name: string): boolean {
  return KNOWN.has(name);
}

/** Whether it is a tool of some MCP server. */
export function isMcpName(name: string): boolean {
  return /^mcp__\w/.test(name);
}
