import { lstatSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { shownStoreUrl, storeUrlProblem } from '../activities/artifacts/open-store.ts';
import type * as Envconfig from '@temporalio/envconfig';
import {
  asksForFile,
  profileFault,
  readingFault,
  temporalVariables,
  variablesFault,
  type TemporalFault,
} from '../workflows/contract/temporal-settings.ts';
import { CommandFailure } from './cli/context.ts';
import { readOperator, type OperatorConfig } from './local/operator.ts';
import { isTeam, readSettings, TEAM_EXPECTED, type Settings } from './local/settings-file.ts';

/** The environment, read once. The only client file that may look at it. */

/** One Claude endpoint with one credential. */
export interface ClaudeAccess {
  baseUrl: string;
  /** Exactly one of the two. */
  apiKey?: string;
  authToken?: string;
  isSimulated: boolean;
}

/**
 * Claude simulated by a process of this machine; the stack puts in its address once it runs. Its key is no secret, and too
 * short to be hidden as one: a word of its own answers would vanish from them.
 */
export const SIMULATED: ClaudeAccess = { baseUrl: 'http://simulated.invalid', apiKey: 'any', isSimulated: true };

export interface Config {
  /** Absolute; it may not exist yet: `createHome` makes it. */
  home: string;
  /** URL of the artifact store: `file:///directory` or `s3://bucket/prefix`. */
  artifacts: string;
  /** A Temporal service that others run; undefined: the embedded server. */
  temporal: TemporalService | undefined;
  /** undefined: no credential was given. */
  claude: ClaudeAccess | undefined;
  /** Defaults for fleets that say nothing themselves. */
  model: string | undefined;
  concurrency: number | undefined;
  /** Whose fleets are started from here, at most 64 bytes; teams take turns on the workers they share. */
  team: string | undefined;
  /** 1 goes before 5; undefined: 3. */
  priority: number | undefined;
  /** Absolute path of a price file that adds to the built-in table, for `loadPrices` and the worker. */
  prices: string | undefined;
  color: 'always' | 'never' | 'auto';
  /** What `run` brought up ends after this long without work. */
  idleExitMs: number;
  /** `MUSTER_TEMPORAL_BINARY`, absolute. */
  temporalBinary: string | undefined;
  /** What any checkout may share and anyone may delete: built binaries, compiled code. */
  cache: string;
  /** What the operator says of the workers brought up from here. */
  operator: OperatorConfig;
  ci: Ci;
  /** The whole environment, for the processes started from here. */
  environment: Environment;
}

/** What a CI job says of itself. */
export interface Ci {
  /** It takes lines on stdout and stderr that look so for commands (GitHub Actions). */
  obeysLines: boolean;
  /** The checkout its annotations are relative to. */
  workspace: string | undefined;
  /** Markdown added to this file is shown with the job. */
  stepSummary: string | undefined;
}

export interface TemporalService {
  address: string;
  namespace: string;
  /** By which a worker finds the same: files named absolutely. */
  variables: Readonly<Record<string, string>>;
  /** With TLS and keys, as `TEMPORAL_*` and its configuration file say. */
  connection: Envconfig.ClientConnectConfig['connectionOptions'];
}

/** What the command line said; it wins over the environment. */
export interface ConfigFlags {
  home?: string | undefined;
  artifacts?: string | undefined;
  model?: string | undefined;
  concurrency?: number | undefined;
  simulate?: boolean | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const ANTHROPIC_API = 'https://api.anthropic.com';
const IDLE_EXIT_MS = 10 * 60_000;

/**
 * Flag, environment, project file (`muster.config.yaml`, nearest upwards), user file, in this order; an empty value is
 * none. Reads files, creates nothing. Throws `CommandFailure` 2 that names the key at fault.
 */
export function readConfig(
  environment: Environment = process.env,
  cwd: string = process.cwd(),
  flags: ConfigFlags = {},
): Config {
  const env = (key: string): string | undefined => environment[key]?.trim() || undefined;
  const base = (key: string, fallback: string): string =>
    absolute(env(key)) ?? join(env('HOME') ?? homedir(), fallback);
  const { project, user } = settingsFiles(environment, cwd);
  const settings = readSettings(project, user);
  const home = resolve(cwd, flags.home ?? env('MUSTER_HOME') ?? settings.home ?? findHome(cwd));
  const artifacts = flags.artifacts ?? env('MUSTER_ARTIFACTS');
  const binary = env('MUSTER_TEMPORAL_BINARY');
  return {
    home,
    artifacts: artifacts ? storeUrl(artifacts) : (settings.artifacts ?? pathToFileURL(join(home, 'artifacts')).href),
    temporal: temporalService(environment, env, settings, cwd),
    claude: flags.simulate ? SIMULATED : claudeAccess(env),
    model: flags.model ?? settings.model,
    concurrency: flags.concurrency ?? settings.concurrency,
    team: teamOf(env('MUSTER_TEAM')) ?? settings.team,
    priority: priorityOf(env('MUSTER_PRIORITY')),
    prices: env('MUSTER_PRICES') ? resolve(cwd, env('MUSTER_PRICES')!) : settings.prices,
    color: env('NO_COLOR') ? 'never' : (env('CLICOLOR_FORCE') ?? '0') !== '0' ? 'always' : 'auto',
    idleExitMs: wholeNumber('MUSTER_IDLE_EXIT_MS', env('MUSTER_IDLE_EXIT_MS')) ?? IDLE_EXIT_MS,
    temporalBinary: binary && resolve(cwd, binary),
    cache: join(base('XDG_CACHE_HOME', '.cache'), 'muster'),
    operator: readOperator(env, settings, cwd),
    ci: readCi(environment),
    environment,
  };
}

/** Never throws: a command that fails asks too. */
export function readCi(environment: Environment = process.env): Ci {
  const { GITHUB_ACTIONS: actions, GITHUB_WORKSPACE: workspace, GITHUB_STEP_SUMMARY: stepSummary } = environment;
  return {
    obeysLines: actions === 'true',
    workspace: workspace?.trim() || undefined,
    stepSummary: stepSummary?.trim() || undefined,
  };
}

/** The project's file, where there is one, and the user's, which need not exist. */
export function settingsFiles(environment: Environment, cwd: string): { project: string | undefined; user: string } {
  const env = (key: string): string | undefined => environment[key]?.trim() || undefined;
  const directory = absolute(env('XDG_CONFIG_HOME')) ?? join(env('HOME') ?? homedir(), '.config');
  return { project: projectFile(cwd), user: join(directory, 'muster', 'config.yaml') };
}

/** Throws `CommandFailure` 4 when there is no credential. */
export function requireClaude(config: Config): ClaudeAccess {
  if (config.claude) return config.claude;
  throw new CommandFailure(
    4,
    'no Claude credential: ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN are unset or empty',
    'set one of them, or try it without Claude and without cost: --simulate',
  );
}

/** The nearest `.muster` from `cwd` upwards, not above the repository root; else the one to make in `cwd`. */
function findHome(cwd: string): string {
  for (const directory of upwards(cwd)) {
    const home = join(directory, '.muster');
    const found = lstatSync(home, { throwIfNoEntry: false });
    if (found && isOurs(found.uid, cwd)) return home;
  }
  return join(cwd, '.muster');
}

function projectFile(cwd: string): string | undefined {
  return upwards(cwd)
    .map((directory) => join(directory, 'muster.config.yaml'))
    .find((file) => lstatSync(file, { throwIfNoEntry: false })?.isFile());
}

/** `cwd` and what is above it, up to the repository's root where there is one. */
function upwards(cwd: string): string[] {
  const directories = [];
  for (let here = resolve(cwd); ; here = dirname(here)) {
    directories.push(here);
    const isRoot = lstatSync(join(here, '.git'), { throwIfNoEntry: false }) !== undefined;
    if (isRoot || here === dirname(here)) return directories;
  }
}

/** Another user's `/tmp/.muster` must not decide what our workers run. */
function isOurs(uid: number, cwd: string): boolean {
  return uid === process.getuid?.() || uid === lstatSync(cwd).uid;
}

function storeUrl(value: string): string {
  const hint = storeUrlProblem(value);
  if (hint)
    throw new CommandFailure(2, `MUSTER_ARTIFACTS: ${JSON.stringify(shownStoreUrl(value))} is no URL of a store`, hint);
  return value;
}

export type Lookup = (key: string) => string | undefined;

function temporalService(
  environment: Environment,
  env: Lookup,
  settings: Settings,
  cwd: string,
): TemporalService | undefined {
  const given = Object.entries(temporalVariables(environment));
  const variables = Object.fromEntries(
    given.map(([key, value]) => [key, /^TEMPORAL_.*(_PATH|_FILE)$/.test(key) ? resolve(cwd, value) : value]),
  );
  if (!env('TEMPORAL_ADDRESS') && !asksForFile(variables)) {
    if (!settings.temporalAddress) return undefined;
    variables['TEMPORAL_ADDRESS'] = settings.temporalAddress;
  }
  const fault = variablesFault(variables, isFile);
  if (fault) throw temporalFailure(fault);
  const { namespace, connectionOptions: connection } = readProfile(variables);
  return { address: connection.address!, namespace: namespace ?? 'default', variables, connection };
}

function readProfile(variables: Record<string, string>): Envconfig.ClientConnectConfig {
  const { loadClientConfigProfile, toClientOptions } = envconfig();
  try {
    const given = { overrideEnvVars: variables, disableFile: !asksForFile(variables) };
    const profile = loadClientConfigProfile(given);
    const fault = profileFault(profile, isFile, true);
    if (fault) throw temporalFailure(fault);
    return toClientOptions(profile);
  } catch (error) {
    throw error instanceof CommandFailure ? error : temporalFailure(readingFault(error, variables));
  }
}

const temporalFailure = ({ key, problem, hint }: TemporalFault): CommandFailure =>
  new CommandFailure(2, `${key}: ${problem}`, hint);

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Loaded where a service of others is named: every other command starts quicker without it. */
const envconfig = (): typeof Envconfig => createRequire(import.meta.url)('@temporalio/envconfig') as typeof Envconfig;

function claudeAccess(env: Lookup): ClaudeAccess | undefined {
  const baseUrl = (env('ANTHROPIC_BASE_URL') ?? ANTHROPIC_API).replace(/\/+$/, '');
  if (!/^https?:$/.test(URL.parse(baseUrl)?.protocol ?? ''))
    throw new CommandFailure(
      2,
      `ANTHROPIC_BASE_URL: ${JSON.stringify(baseUrl)} is no http URL`,
      `write ${ANTHROPIC_API}`,
    );
  for (const [key, field] of [
    ['ANTHROPIC_API_KEY', 'apiKey'],
    ['ANTHROPIC_AUTH_TOKEN', 'authToken'],
  ] as const) {
    const secret = env(key);
    if (secret === undefined) continue;
    // Never quoted: it is a secret, even when it is a wrong one.
    if (!/^[\x21-\x7e]+$/.test(secret))
      throw new CommandFailure(2, `${key} holds white space or other characters that no key has`, 'copy it anew');
    return { baseUrl, [field]: secret, isSimulated: false };
  }
  return undefined;
}

function teamOf(name: string | undefined): string | undefined {
  if (name === undefined || isTeam(name)) return name;
  throw new CommandFailure(2, `MUSTER_TEAM: ${JSON.stringify(name)} is wrong`, `write ${TEAM_EXPECTED}`);
}

function priorityOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-5]$/.test(text)) return Number(text);
  throw new CommandFailure(2, `MUSTER_PRIORITY: ${JSON.stringify(text)} is wrong`, 'write 1 (first) to 5 (last)');
}

function wholeNumber(key: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,11}$/.test(value)) return Number(value);
  throw new CommandFailure(
    2,
    `${key}: ${JSON.stringify(value)} is no whole number of milliseconds`,
    `write ${key}=600000`,
  );
}

/** XDG's rule: a relative path counts as none. */
function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}
