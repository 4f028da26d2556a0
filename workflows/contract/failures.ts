/**
 * Types of failures the parent decides about, `Room.Reason`; they stand in a result's `error.type` and in
 * `ApplicationFailure.type`. Tests and callers compare these, never message texts. Refusals of Claude that muster does
 * not know carry the API's own error code as `Claude.<Code>`.
 */
export const FAILURES = {
  claudeRefused: 'Claude.Refused',
  claudeBadRequest: 'Claude.BadRequest',
  claudeContextTooLong: 'Claude.ContextTooLong',
  claudeMaxTokens: 'Claude.MaxTokens',
  claudeUnknownModel: 'Claude.UnknownModel',
  claudeUnavailable: 'Claude.Unavailable',
  maxTurns: 'Subagent.MaxTurns',
  maxBudget: 'Subagent.MaxBudget',
  timedOut: 'Subagent.TimedOut',
  stopped: 'Subagent.Stopped',
  internal: 'Subagent.Internal',
  schemaMismatch: 'Output.SchemaMismatch',
  verifyFailed: 'Verify.Failed',
  mcpUnavailable: 'Mcp.Unavailable',
  workspaceUnavailable: 'Workspace.Unavailable',
  workspaceTooLarge: 'Workspace.TooLarge',
  cloneDenied: 'Workspace.CloneDenied',
  artifactDamaged: 'Artifact.Damaged',
  dependencyFailed: 'Dependency.Failed',
  skippedByUser: 'Subagent.Skipped',
  notAttempted: 'Subagent.NotAttempted',
  notEligible: 'Target.NotEligible',
  orphaned: 'Subagent.Orphaned',
  gateClosed: 'Fleet.GateRejected',
  notAsked: 'Fleet.NotAsked',
  scriptThrew: 'Script.Threw',
  scriptSyntax: 'Script.Syntax',
  scriptInterrupted: 'Script.Interrupted',
  scriptNeverSettles: 'Script.NeverSettles',
  scriptNotDeterministic: 'Script.NotDeterministic',
  scriptMemory: 'Script.Memory',
  scriptVersion: 'Script.Version',
} as const;
