/** What one server may take, of its callers and of this worker. */
export interface McpLimits {
  /** Over all subagents and fleets that share it. */
  callsPerSecond: number;
  callsInFlight: number;
  callMs: number;
  /** From its start, or the first request, to its list of tools. */
  connectMs: number;
  /** Of one message, and of one HTTP answer. */
  messageBytes: number;
  /** What is read of it in a second; the rest waits in its pipe. */
  bytesPerSecond: number;
  linesPerSecond: number;
  tools: number;
  /** Of what the model sees of one answer. */
  answerChars: number;
  /** Pause before it is started again: the first, doubled with each failure, and the longest. */
  firstBackOffMs: number;
  backOffMs: number;
  /** Without a call: then it is ended, and started again by the next. */
  idleMs: number;
}

export const DEFAULT_LIMITS: McpLimits = {
  callsPerSecond: 20,
  callsInFlight: 10,
  callMs: 60_000,
  connectMs: 30_000,
  messageBytes: 8 * 1024 * 1024,
  bytesPerSecond: 16 * 1024 * 1024,
  linesPerSecond: 2_000,
  tools: 200,
  answerChars: 80_000,
  firstBackOffMs: 250,
  backOffMs: 30_000,
  idleMs: 600_000,
};
