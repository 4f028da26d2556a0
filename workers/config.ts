import { readFileSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { shownStoreUrl, storeUrlProblem } from '../activities/artifacts/open-store.ts';
import type { Endpoint } from '../activities/claude/endpoint.ts';
import { collectorSecrets, tracingSettings, type TracingSettings } from '../activities/observe/tracing-settings.ts';
import { EncryptionKeyFault, readEncryptionKeys, type EncryptionKey } from '../activities/encryption/keys.ts';
import {
  asksForFile,
  profileFault,
  readingFault,
  temporalVariables,
  variablesFault,
  type TemporalFault,
} from '../workflows/contract/temporal-settings.ts';
import {
  InternalNetwork,
  SANDBOXES,
  readMcpServers,
  variablesOf,
  withVariables,
  type OperatorMcpServer,
  type SandboxKind,
} from '../workflows/contract/operator.schema.ts';
import { defaultSlots, resources } from './slots.ts';

export type Role = 'orchestrator' | 'subagent' | 'all';

/** What a worker is told by its environment and command line. */
export interface WorkerConfig {
  role: Role;
  home: string;
  /** URL of the artifact store. */
  artifacts: string;
  connection: NativeConnectionOptions;
  namespace: string;
  /** Absent for an orchestrator, which never calls Claude. */
  claude: Endpoint | undefined;
  /** Build of this release among others; workflows are given to the current one alone. undefined: no versions. */
  deployment: { deploymentName: string; buildId: string } | undefined;
  /** Whether that build is made the current one. */
  makesCurrent: boolean;
  /** Where health and metrics are served. */
  listen: { host: string; port: number } | undefined;
  /** Absolute path of a price file that adds to the built-in table. */
  prices: string | undefined;
  /** Ends by itself after so long without an open fleet; undefined: never. */
  idleExitMs: number | undefined;
  /** What shared checkouts nobody has open may take on disk; undefined: a fifth of it, at most 50 GB. */
  cacheBytes: number | undefined;
  /** Subagents in flight in this process. */
  slots: number;
  logLevel: string;
  /** undefined: nothing is traced. */
  tracing: TracingSettings | undefined;
  /** `none` runs what models ask for with this process's own rights: only ever an operator's explicit word. */
  sandbox: SandboxKind;
  /** Absolute paths outside /usr that every sandbox shows, read-only. */
  sandboxReadOnlyPaths: readonly string[];
  /** Networks, as CIDR, that subagents may reach though they are not public. */
  egressInternal: readonly string[];
  /** The operator's own, the variables they name filled in. */
  mcpServers: Readonly<Record<string, OperatorMcpServer>>;
  /** Of payloads in Temporal: the first encrypts, all decrypt; none: payloads are written as they are. */
  encryptionKeys: readonly EncryptionKey[];
  /** Whatever of this must never leave the process: credentials, and what the declarations took from variables. */
  secrets: readonly string[];
}

/** The environment does not say what a worker needs: usage, exit 2. */
export class WorkerConfigError extends Error {
  override name = 'WorkerConfigError';
}

/** What opens the artifact store and Temporal. */
const SECRETS = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'TEMPORAL_API_KEY'];
const DEPLOYMENT_NAME = 'muster';

/** Reads the environment; the only file of the workers that may. Throws `WorkerConfigError` naming the variable. */
export function readWorkerConfig(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): WorkerConfig {
  const role = option(argv, '--role') ?? 'all';
  if (role !== 'all' && role !== 'orchestrator' && role !== 'subagent')
    throw new WorkerConfigError(`--role ${role}: write orchestrator, subagent or all`);
  const home = env['MUSTER_HOME'];
  if (!home) throw new WorkerConfigError('MUSTER_HOME is not set: write the directory that holds artifacts and logs');
  const apiKey = env['ANTHROPIC_API_KEY'] || undefined;
  const authToken = env['ANTHROPIC_AUTH_TOKEN'] || undefined;
  const baseUrl = env['ANTHROPIC_BASE_URL'] || 'https://api.anthropic.com';
  const credential = apiKey !== undefined ? { apiKey } : authToken !== undefined ? { authToken } : undefined;
  if (!credential && role !== 'orchestrator')
    throw new WorkerConfigError('no Claude credential: set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN');
  const { mcpServers, values } = mcpServersOf(env);
  const encryptionKeys = encryptionKeysOf(env);
  return {
    role,
    home,
    artifacts: artifactsOf(env['MUSTER_ARTIFACTS'], home),
    ...readTemporal(env),
    ...versionOf(argv, env, role),
    claude: credential && { baseUrl, ...credential },
    listen: address(option(argv, '--listen')),
    prices: env['MUSTER_PRICES'] || undefined,
    idleExitMs: number(env, 'MUSTER_IDLE_EXIT_MS'),
    cacheBytes: number(env, 'MUSTER_CACHE_BYTES'),
    slots: number(env, 'MUSTER_WORKER_SLOTS') ?? defaultSlots(resources()),
    logLevel: env['MUSTER_LOG_LEVEL'] || 'info',
    tracing: tracingSettings(env),
    sandbox: sandboxOf(env),
    sandboxReadOnlyPaths: pathsOf(env),
    egressInternal: networksOf(env),
    mcpServers,
    encryptionKeys,
    secrets: [
      ...[apiKey, authToken, ...SECRETS.map((name) => env[name])].flatMap((secret) => secret || []),
      ...[...values, ...encryptionKeys.map(({ base64 }) => base64), ...collectorSecrets(env)],
    ],
  };
}

/** Which Temporal a worker works for; without a word about it, the one on this machine. */
export function readTemporal(env: NodeJS.ProcessEnv = process.env): Pick<WorkerConfig, 'connection' | 'namespace'> {
  const variables = temporalVariables(env);
  const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  const refuse = (fault: TemporalFault | undefined): void => {
    if (fault) throw new WorkerConfigError(`${fault.key}: ${fault.problem}: ${fault.hint}`);
  };
  refuse(variablesFault(variables, isFile));
  try {
    const profile = loadClientConfigProfile({ disableFile: !asksForFile(variables), overrideEnvVars: variables });
    refuse(profileFault(profile, isFile, asksForFile(variables)));
    const { connectionOptions: connection, namespace = 'default' } = toClientOptions(profile);
    return { connection, namespace };
  } catch (error) {
    if (!(error instanceof WorkerConfigError)) refuse(readingFault(error, variables));
    throw error;
  }
}

function encryptionKeysOf(env: NodeJS.ProcessEnv): EncryptionKey[] {
  try {
    return readEncryptionKeys((variable) => env[variable]);
  } catch (error) {
    throw error instanceof EncryptionKeyFault ? new WorkerConfigError(error.message) : error;
  }
}

function versionOf(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  role: Role,
): Pick<WorkerConfig, 'deployment' | 'makesCurrent'> {
  const buildId = env['TEMPORAL_WORKER_BUILD_ID'];
  const makesCurrent = argv.includes('--make-current');
  if (makesCurrent && !buildId)
    throw new WorkerConfigError('--make-current: set TEMPORAL_WORKER_BUILD_ID to the build that is to be current');
  if (makesCurrent && role === 'subagent')
    throw new WorkerConfigError('--make-current: give it to a worker that runs workflows, --role orchestrator or all');
  const deploymentName = env['TEMPORAL_DEPLOYMENT_NAME'] || DEPLOYMENT_NAME;
  const wrong = [deploymentName, buildId ?? ''].find((name) => !/^[\w.-]{0,128}$/.test(name));
  if (wrong !== undefined)
    throw new WorkerConfigError(
      `TEMPORAL_DEPLOYMENT_NAME, TEMPORAL_WORKER_BUILD_ID: ${JSON.stringify(wrong)} is wrong: write letters, digits, - _ and dots`,
    );
  return { deployment: buildId ? { deploymentName, buildId } : undefined, makesCurrent };
}

function sandboxOf(env: NodeJS.ProcessEnv): SandboxKind {
  const text = env['MUSTER_SANDBOX'] || 'bubblewrap';
  const found = SANDBOXES.find((kind) => kind === text);
  if (found) return found;
  throw new WorkerConfigError(`MUSTER_SANDBOX is ${JSON.stringify(text)}: write ${SANDBOXES.join(' or ')}`);
}

function pathsOf(env: NodeJS.ProcessEnv): string[] {
  const paths = (env['MUSTER_SANDBOX_PATHS'] ?? '').split(delimiter).filter(Boolean);
  const wrong = paths.find((path) => !isAbsolute(path));
  if (wrong === undefined) return paths;
  throw new WorkerConfigError(
    `MUSTER_SANDBOX_PATHS: ${JSON.stringify(wrong)} is not absolute: write /a/directory${delimiter}/another`,
  );
}

function networksOf(env: NodeJS.ProcessEnv): string[] {
  const networks = (env['MUSTER_EGRESS_INTERNAL'] ?? '').split(',').flatMap((part) => part.trim() || []);
  const wrong = networks.find((network) => !InternalNetwork.safeParse(network).success);
  if (wrong === undefined) return networks;
  throw new WorkerConfigError(
    `MUSTER_EGRESS_INTERNAL: ${JSON.stringify(wrong)} is no CIDR: write 10.1.0.0/16,fd00::/8`,
  );
}

/** Never quotes what a variable holds: it is likely a secret. */
function mcpServersOf(env: NodeJS.ProcessEnv): Pick<WorkerConfig, 'mcpServers'> & { values: string[] } {
  const file = env['MUSTER_MCP_CONFIG'];
  if (!file) return { mcpServers: {}, values: [] };
  if (!isAbsolute(file))
    throw new WorkerConfigError(`MUSTER_MCP_CONFIG is ${JSON.stringify(file)}: write an absolute path`);
  let declared: Record<string, OperatorMcpServer>;
  try {
    declared = readMcpServers((JSON.parse(readFileSync(file, 'utf8')) as { mcpServers?: unknown } | null)?.mcpServers);
  } catch (error) {
    throw new WorkerConfigError(
      `MUSTER_MCP_CONFIG, ${file}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const names = variablesOf(declared);
  const missing = names.filter((name) => !env[name]);
  if (missing.length > 0)
    throw new WorkerConfigError(`MUSTER_MCP_CONFIG, ${file}: it names ${missing.join(', ')}: set these variables`);
  return { mcpServers: withVariables(declared, (name) => env[name]!), values: names.map((name) => env[name]!) };
}

function option(argv: readonly string[], name: string): string | undefined {
  const at = argv.findIndex((word) => word === name || word.startsWith(`${name}=`));
  return at < 0 ? undefined : argv[at]!.includes('=') ? argv[at]!.slice(name.length + 1) : argv[at + 1];
}

function address(text: string | undefined): WorkerConfig['listen'] {
  if (text === undefined) return undefined;
  const [, host, port] = /^(?:\[?([^\]]*)\]?:)?(\d+)$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new WorkerConfigError(`--listen ${text}: write HOST:PORT, such as 127.0.0.1:9090`);
  return { host: host || '127.0.0.1', port: Number(port) };
}

function number(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new WorkerConfigError(`${name} is ${JSON.stringify(text)}: write a whole number above 0`);
}

function artifactsOf(url: string | undefined, home: string): string {
  if (!url) return pathToFileURL(join(home, 'artifacts')).href;
  const problem = storeUrlProblem(url);
  if (problem) throw new WorkerConfigError(`MUSTER_ARTIFACTS is ${JSON.stringify(shownStoreUrl(url))}: ${problem}`);
  return url;
}
