import { Argument, Option } from 'commander';
import { PLAIN_FORMATS } from './output-format.ts';
import { oneOf } from './values.ts';

/** What several commands share; a fresh object each time, since a command keeps it. */
export const fleetArgument = (): Argument => new Argument('<id>', 'a fleet, or @latest');

export const plainFormat = (): Option =>
  new Option('--output-format <format>', 'text or json').argParser(oneOf(PLAIN_FORMATS)).default('text');
