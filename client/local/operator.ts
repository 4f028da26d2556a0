import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import {
  EncryptionKeyFault,
  encryptionKeysText,
  readEncryptionKeys,
  type EncryptionKey,
} from '../../activities/encryption/keys.ts';
import { HOME } from '../../workflows/contract/home.ts';
import {
  InternalNetwork,
  SANDBOXES,
  readMcpServers,
  variablesOf,
  type OperatorMcpServer,
  type SandboxKind,
} from '../../workflows/contract/operator.schema.ts';
import { CommandFailure } from '../cli/context.ts';
import type { Environment, Lookup } from '../config.ts';
import { replace } from './home.ts';
import type { Settings } from './settings-file.ts';

/** What whoever runs the workers says of them: from the environment or the user's settings file, never from a checkout. */
export interface OperatorConfig {
  sandbox: SandboxKind;
  /** Absolute. */
  sandboxReadOnlyPaths: readonly string[];
  egressInternal: readonly string[];
  /** Variables in them not filled in. */
  mcpServers: Readonly<Record<string, OperatorMcpServer>>;
  /** Of payloads in Temporal, for clients and workers: the first encrypts, all decrypt; none: nothing is encrypted. */
  encryptionKeys: readonly EncryptionKey[];
}

/** The environment before the file, key by key. Throws `CommandFailure` 2 that names the key at fault. */
export function readOperator(env: Lookup, settings: Settings, cwd: string): OperatorConfig {
  const paths = env('MUSTER_SANDBOX_PATHS')?.split(delimiter).filter(Boolean);
  return {
    sandbox: sandboxOf(env('MUSTER_SANDBOX')) ?? settings.sandbox ?? 'bubblewrap',
    sandboxReadOnlyPaths: paths?.map((path) => resolve(cwd, path)) ?? settings.sandboxReadOnlyPaths ?? [],
    egressInternal: networksOf(env('MUSTER_EGRESS_INTERNAL')) ?? settings.egressInternal ?? [],
    mcpServers: declaredIn(env('MUSTER_MCP_CONFIG')) ?? settings.mcpServers ?? {},
    encryptionKeys: encryptionKeysOf(env, settings),
  };
}

/** Variables of a worker's environment that carry all of it; declarations go by a file in the home, for its owner alone. */
export function operatorEnvironment(operator: OperatorConfig, home: string): Environment {
  return {
    MUSTER_SANDBOX: operator.sandbox,
    MUSTER_SANDBOX_PATHS: operator.sandboxReadOnlyPaths.join(delimiter) || undefined,
    MUSTER_EGRESS_INTERNAL: operator.egressInternal.join(',') || undefined,
    MUSTER_ENCRYPTION_KEYS: encryptionKeysText(operator.encryptionKeys),
    MUSTER_ENCRYPTION_KEYS_FILE: undefined,
    MUSTER_MCP_CONFIG: Object.keys(operator.mcpServers).length > 0 ? writeDeclarations(operator, home) : undefined,
  };
}

/**
 * Tells one configuration from another, values of the variables it names included: a worker with another one is
 * replaced. Short; nothing can be read from it.
 */
export function operatorFingerprint(operator: OperatorConfig, environment: Environment): string {
  const values = variablesOf(operator.mcpServers).map((name) => environment[name] ?? null);
  return createHash('sha256')
    .update(JSON.stringify([operator, values]))
    .digest('hex')
    .slice(0, 16);
}

/** Variables that the declarations name and nobody has set. */
export function missingVariables(operator: OperatorConfig, environment: Environment): string[] {
  return variablesOf(operator.mcpServers).filter((name) => !environment[name]);
}

/** Named after its content, so that a worker still coming up never reads another's. The caller holds the home's lock. */
function writeDeclarations({ mcpServers }: OperatorConfig, home: string): string {
  const text = JSON.stringify({ mcpServers });
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const directory = join(home, HOME.run);
  const file = join(directory, `mcp-${hash}.config`);
  mkdirSync(directory, { recursive: true });
  const others = readdirSync(directory).filter(
    (name) => /^mcp-.*\.config$/.test(name) && join(directory, name) !== file,
  );
  for (const name of others) rmSync(join(directory, name), { force: true });
  replace(file, text);
  return file;
}

function sandboxOf(text: string | undefined): SandboxKind | undefined {
  const found = SANDBOXES.find((kind) => kind === text);
  if (text === undefined || found) return found;
  throw wrong('MUSTER_SANDBOX', text, SANDBOXES.join(' or '));
}

function networksOf(text: string | undefined): string[] | undefined {
  const networks = text?.split(',').flatMap((part) => part.trim() || []);
  const bad = networks?.find((network) => !InternalNetwork.safeParse(network).success);
  if (bad === undefined) return networks;
  throw wrong('MUSTER_EGRESS_INTERNAL', bad, 'networks as 10.1.0.0/16,fd00::/8');
}

/** The user's file may name the file of keys, and never holds them. */
function encryptionKeysOf(env: Lookup, { encryptionKeysFile }: Settings): EncryptionKey[] {
  const isGiven = (env('MUSTER_ENCRYPTION_KEYS') ?? env('MUSTER_ENCRYPTION_KEYS_FILE')) !== undefined;
  try {
    return readEncryptionKeys((variable) =>
      !isGiven && variable === 'MUSTER_ENCRYPTION_KEYS_FILE' ? encryptionKeysFile : env(variable),
    );
  } catch (error) {
    throw error instanceof EncryptionKeyFault ? new CommandFailure(2, error.message) : error;
  }
}

function declaredIn(file: string | undefined): OperatorConfig['mcpServers'] | undefined {
  if (file === undefined) return undefined;
  if (!isAbsolute(file)) throw wrong('MUSTER_MCP_CONFIG', file, 'an absolute path');
  try {
    return readMcpServers((JSON.parse(readFileSync(file, 'utf8')) as { mcpServers?: unknown } | null)?.mcpServers);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(2, `MUSTER_MCP_CONFIG, ${file}: ${why}`, 'write {"mcpServers": {"name": {"command": …}}}');
  }
}

const wrong = (key: string, text: string, expected: string): CommandFailure =>
  new CommandFailure(2, `${key}: ${JSON.stringify(text)} is wrong`, `write ${expected}`);
