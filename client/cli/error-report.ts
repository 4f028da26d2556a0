import type { CommanderError } from 'commander';
import { nearestName } from '../fleet-client/labels.ts';
import type { Fault } from '../spec/plan.ts';
import { COMMANDS } from './command-table.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { COMMANDS_ELSEWHERE, LATER_COMMANDS, LATER_FLAGS, SPELT_ELSEWHERE } from './later.ts';

/** What scripts get with `--output-format json`, one line on stderr. Codes are stable, texts are not. */
export interface ErrorObject {
  ok: false;
  code: string;
  exitCode: number;
  message: string;
  hint?: string;
  faults?: readonly Fault[];
}

const CODES: Readonly<Record<number, string>> = {
  [EXIT.internal]: 'internal',
  [EXIT.usage]: 'usage',
  [EXIT.incomplete]: 'incomplete',
  [EXIT.authentication]: 'authentication',
};

/** Of what `FleetFailure` tells; everything else is usage. */
const EXITS: Readonly<Record<string, number>> = {
  unreachable: EXIT.internal,
  damaged: EXIT.internal,
  no_credential: EXIT.authentication,
};

/** Names, not classes: the rooms that throw them are loaded only by the commands that need them. */
export function describeError(error: unknown, argv: readonly string[]): ErrorObject {
  if (!(error instanceof Error)) return internal(String(error));
  if (error instanceof CommandFailure) {
    const { exitCode, message, hint, code = CODES[exitCode] ?? 'failed' } = error;
    return { ok: false, code, exitCode, message, ...(hint !== undefined && { hint }) };
  }
  if ('code' in error && String(error.code).startsWith('commander.')) {
    return usage(error as CommanderError, argv);
  }
  if (error.name === 'InvalidFleet') {
    const { faults } = error as Error & { faults: readonly Fault[] };
    const hint = `${faults.length} fault${faults.length === 1 ? '' : 's'}; nothing was started`;
    return { ok: false, code: 'invalid_file', exitCode: EXIT.usage, message: error.message, hint, faults };
  }
  if (error.name === 'FleetFailure') {
    const { code, hint } = error as Error & { code: string; hint?: string };
    return {
      ok: false,
      code,
      exitCode: EXITS[code] ?? EXIT.usage,
      message: error.message,
      ...(hint !== undefined && { hint }),
    };
  }
  if (/^(Workspace|CloneDenied)/.test(error.name)) {
    return { ok: false, code: 'workspace', exitCode: EXIT.usage, message: error.message, hint: 'nothing was started' };
  }
  if (error.name === 'StoreFull') {
    const hint =
      'make room where MUSTER_HOME and MUSTER_ARTIFACTS lie; muster gc --older-than 30d frees what ended fleets left';
    return { ok: false, code: 'disk_full', exitCode: EXIT.internal, message: error.message, hint };
  }
  if (/^(BucketRefused|StoreUnavailable)$/.test(error.name)) {
    const hint = 'muster doctor says what of MUSTER_ARTIFACTS and its credentials is wrong';
    return { ok: false, code: 'artifacts', exitCode: EXIT.internal, message: error.message, hint };
  }
  return internal(error.message, error.stack);
}

const internal = (message: string, stack?: string): ErrorObject => ({
  ok: false,
  code: 'internal',
  exitCode: EXIT.internal,
  message: stack ?? message,
  hint: 'this should not happen; muster doctor checks what muster needs',
});

/** Commander's message, in this program's words and with the nearest name. */
function usage(error: CommanderError, argv: readonly string[]): ErrorObject {
  const message = error.message.replace(/^error: /, '').split('\n')[0]!;
  const suggestion = /\(Did you mean (?:one of )?(.*?)\?\)/.exec(error.message)?.[1];
  const named = COMMANDS.has(argv[0] ?? '') ? `muster ${argv[0]} --help` : 'muster --help';
  const near = suggestion === undefined ? '' : `did you mean ${suggestion}? `;
  const refuse = (text: string, hint: string, code = 'usage'): ErrorObject => {
    return { ok: false, code, exitCode: EXIT.usage, message: text, hint };
  };
  const flag = /unknown option '(-{1,2}[^'=]*)/.exec(message)?.[1];
  if (flag !== undefined) {
    if (LATER_FLAGS.has(flag)) return refuse(`${flag} is not supported yet`, named, 'not_supported');
    const elsewhere = SPELT_ELSEWHERE.get(flag);
    return refuse(`unknown flag ${flag}`, elsewhere ? `write ${elsewhere}` : near + named);
  }
  const command = /unknown command '([^']*)'/.exec(message)?.[1];
  if (command !== undefined && COMMANDS.has(argv[0] ?? ''))
    return refuse(`unknown command ${argv[0]} ${command}`, near + named);
  if (command !== undefined) {
    if (LATER_COMMANDS.has(command)) return refuse(`muster ${command} is not supported yet`, named, 'not_supported');
    const other = COMMANDS_ELSEWHERE.get(command) ?? nearestName(command, [...COMMANDS.keys()]);
    return refuse(`unknown command ${command}`, other ? `did you mean muster ${other}?` : named);
  }
  const [, name, value, why] =
    /^option '(?:-\w, )?([\w-]+)[^']*' argument '(.*)' is invalid\. (.*)/.exec(message) ?? [];
  if (name !== undefined) return refuse(`${name} ${value}: ${why}`, named);
  const [, word, argument, reason] =
    /^command-argument value '(.*)' is invalid for argument '(.*)'\. (.*)/.exec(message) ?? [];
  if (word !== undefined) return refuse(`${argument} ${word}: ${reason}`, named);
  return refuse(message, near + named);
}

/** Whether the command was asked to speak JSON. */
export function wantsJson(argv: readonly string[]): boolean {
  return argv.some((arg, i) => {
    if (/^--output-format=(stream-)?json$/.test(arg)) return true;
    return arg === '--output-format' && /^(stream-)?json$/.test(argv[i + 1] ?? '');
  });
}

export function errorText({ message, hint, faults }: ErrorObject): string {
  const head = faults ? message : `error: ${message}`;
  return `${head}\n${hint === undefined ? '' : faults ? `${hint}\n` : `  ${hint}\n`}`;
}
