import { decisionCommand } from '../decision-command.ts';

export const register = decisionCommand(
  'approve',
  'let a fleet go on that waits for a person: a gate before a wave, or what a script asks',
);
