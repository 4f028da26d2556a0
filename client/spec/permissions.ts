export { resolveGrant } from '../../workflows/policy/grant-of.ts';
export type { Permissions } from '../../workflows/policy/grant-of.ts';
