/** The package's door: `import { Muster } from 'muster'`. */
export { Muster, type MusterOptions } from './library/muster.ts';
export type * from './library/library.ts';
export type { Census, FleetState, PauseReason, SubagentStatus } from '../workflows/contract/statuses.ts';
export type { Result } from '../workflows/contract/task.schema.ts';
export type { Approval } from '../workflows/contract/units.ts';
export { FleetFailure, type FleetFailureCode } from './fleet-client/failure.ts';
export { InvalidFleet, type Fault, type FleetPlan } from './spec/plan.ts';
export { CommandFailure } from './cli/context.ts';
