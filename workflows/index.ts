export { batchWorkflow } from './batch.ts';
export { fleetWorkflow } from './fleet.ts';
export { scheduledFleetWorkflow } from './scheduled-fleet.ts';
