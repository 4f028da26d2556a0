import { decisionCommand } from '../decision-command.ts';

export const register = decisionCommand('reject', 'say no: the rest of a plan is not attempted, a script hears of it');
