export { MONEY_HINT, parseMicroUsd } from '../../workflows/policy/money.ts';
