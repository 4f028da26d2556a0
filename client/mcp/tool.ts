import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import type { Cursors } from './cursors.ts';
import type { Door } from './door.ts';
import { ProgressReports } from './progress.ts';
import type { FleetReport } from './report.ts';
import type { ServerLimits } from './server-limits.ts';
import { describeFailure } from './tool-failure.ts';

/** What the tools of one server share. */
export interface Workshop {
  limits: ServerLimits;
  door: Door;
  cursors: Cursors;
  /** One line on stderr. */
  log: (line: string) => void;
  /** Aborted when the server ends: calls that wait answer with what they know. */
  ending: AbortSignal;
}

/** One call: who asks, and how to tell them. */
export interface Call {
  /** Aborted when nobody waits for the answer any more, or the server ends. */
  signal: AbortSignal;
  /** Goes to callers who asked for it. */
  progress: ProgressReports;
  /** On `performance.now()`'s clock: what a call may take counts from here, its start included. */
  beganAtMs: number;
}

/** Runs a tool's work and puts what comes of it into the protocol's shape. Never rejects: what fails is a tool error. */
export async function answer(
  { ending, log }: Workshop,
  context: ServerContext,
  work: (call: Call) => Promise<FleetReport>,
): Promise<CallToolResult> {
  const { mcpReq, http } = context;
  // Without sessions a cancellation over HTTP is a connection that closes.
  const signals = [mcpReq.signal, ending, ...(http?.req ? [http.req.signal] : [])];
  const signal = AbortSignal.any(signals);
  try {
    const report = await work({ signal, progress: progressOf(context, signal), beganAtMs: performance.now() });
    return { content: [{ type: 'text', text: JSON.stringify(report) }], structuredContent: { ...report } };
  } catch (error) {
    const failure = describeFailure(error);
    const { code, message, hint, faults } = failure;
    if (signal.aborted) log('a call was given up before it came to anything');
    else if (code === 'internal') log(`a call failed: ${textOf(error)}`);
    const text = hint === undefined ? message : `${message}\n${hint}`;
    return {
      isError: true,
      content: [{ type: 'text', text }],
      structuredContent: { ok: false, code, message, ...(hint !== undefined && { hint }), ...(faults && { faults }) },
    };
  }
}

function progressOf({ mcpReq }: ServerContext, signal: AbortSignal): ProgressReports {
  const progressToken = mcpReq._meta?.progressToken;
  return new ProgressReports(async (params) => {
    if (progressToken === undefined || signal.aborted) return;
    await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, ...params } });
  });
}

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
