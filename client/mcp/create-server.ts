import { McpServer } from '@modelcontextprotocol/server';
import { VERSION } from '../local/entries.ts';
import { ApproveFleet, CancelFleet, FleetResults, FleetStatus, RunWorkflow, SpawnSubagents } from './inputs.ts';
import { answer, type Workshop } from './tool.ts';
import * as approve from './tools/approve-fleet.ts';
import * as cancel from './tools/cancel-fleet.ts';
import * as results from './tools/fleet-results.ts';
import * as status from './tools/fleet-status.ts';
import * as run from './tools/run-workflow.ts';
import * as spawn from './tools/spawn-subagents.ts';

const INSTRUCTIONS = `muster runs fleets of Claude subagents on a Temporal cluster. spawn_subagents and run_workflow start a fleet and answer when it has ended or their time is up; fleet_results with the cursor they gave tells what has ended since. A fleet goes on whatever becomes of a call; only cancel_fleet ends it.`;

/** Elements of one call: a hundred thousand tasks of some keys each. */
const MAX_INPUT_ELEMENTS = 2_000_000;

/** The six tools. One for each connection, or over HTTP for each request; what they share is in the workshop. */
export function createServer(shop: Workshop): McpServer {
  const server = new McpServer(
    { name: 'muster', title: 'muster', version: VERSION },
    { instructions: INSTRUCTIONS, maxToolInputElements: MAX_INPUT_ELEMENTS },
  );
  const starts = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true };
  const reads = { readOnlyHint: true, openWorldHint: false };
  server.registerTool(
    'spawn_subagents',
    { title: 'Spawn subagents', description: spawn.DESCRIPTION, inputSchema: SpawnSubagents, annotations: starts },
    (input, context) => answer(shop, context, (call) => spawn.spawnSubagents(input, call, shop)),
  );
  server.registerTool(
    'run_workflow',
    { title: 'Run a workflow', description: run.DESCRIPTION, inputSchema: RunWorkflow, annotations: starts },
    (input, context) => answer(shop, context, (call) => run.runWorkflow(input, call, shop)),
  );
  server.registerTool(
    'fleet_status',
    { title: 'Fleet status', description: status.DESCRIPTION, inputSchema: FleetStatus, annotations: reads },
    (input, context) => answer(shop, context, (call) => status.fleetStatus(input, call, shop)),
  );
  server.registerTool(
    'fleet_results',
    { title: 'Fleet results', description: results.DESCRIPTION, inputSchema: FleetResults, annotations: reads },
    (input, context) => answer(shop, context, (call) => results.fleetResults(input, call, shop)),
  );
  const steers = { readOnlyHint: false, idempotentHint: true, openWorldHint: false };
  server.registerTool(
    'approve_fleet',
    {
      title: 'Approve a fleet',
      description: approve.DESCRIPTION,
      inputSchema: ApproveFleet,
      annotations: { ...steers, destructiveHint: true },
    },
    (input, context) => answer(shop, context, () => approve.approveFleet(input, shop)),
  );
  server.registerTool(
    'cancel_fleet',
    {
      title: 'Cancel a fleet',
      description: cancel.DESCRIPTION,
      inputSchema: CancelFleet,
      annotations: { ...steers, destructiveHint: true },
    },
    (input, context) => answer(shop, context, () => cancel.cancelFleet(input, shop)),
  );
  return server;
}
