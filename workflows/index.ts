export { batchWorkflow } from './batch.ts';
export { fleetWorkflow } from './fleet.ts';
