export { narrowGrant } from '../../workflows/policy/grant-of-agent.ts';
