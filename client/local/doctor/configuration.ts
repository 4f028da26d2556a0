import { fileURLToPath } from 'node:url';
import { settingsFiles, type Config } from '../../config.ts';
import { settingOrigins, type Settings } from '../settings-file.ts';
import { shownUrl } from './check.ts';

/** A value muster would use, fit to be shown, and who says so: a variable, a file, or `default`. */
export interface Setting {
  key: string;
  value: string;
  from: string;
}

/** All of them, in a fixed order. Of secrets it is told that they are set, and by what. */
export function configuration(config: Config, cwd: string): Setting[] {
  const from = origins(config, cwd);
  const { operator, claude, artifacts } = config;
  return [
    { key: 'home', value: config.home, from: from('home', 'MUSTER_HOME') },
    { key: 'artifacts', value: shownPlace(artifacts), from: from('artifacts', 'MUSTER_ARTIFACTS') },
    ...credentialsOfStore(config, from),
    ...temporal(config, from),
    {
      key: 'claude',
      value: claude ? shownUrl(claude.baseUrl) : 'no credential',
      from: from(undefined, 'ANTHROPIC_BASE_URL'),
    },
    ...(claude
      ? [
          {
            key: 'claude credential',
            value: HIDDEN,
            from: claude.apiKey ? 'ANTHROPIC_API_KEY' : 'ANTHROPIC_AUTH_TOKEN',
          },
        ]
      : []),
    { key: 'model', value: config.model ?? "each fleet's own", from: from('model') },
    { key: 'concurrency', value: String(config.concurrency ?? "each fleet's own"), from: from('concurrency') },
    { key: 'team', value: config.team ?? 'none', from: from('team', 'MUSTER_TEAM') },
    { key: 'prices', value: config.prices ?? 'built in', from: from('prices', 'MUSTER_PRICES') },
    { key: 'sandbox', value: operator.sandbox, from: from('sandbox', 'MUSTER_SANDBOX') },
    {
      key: 'sandbox paths',
      value: operator.sandboxReadOnlyPaths.join(', ') || 'none',
      from: from('sandboxReadOnlyPaths', 'MUSTER_SANDBOX_PATHS'),
    },
    {
      key: 'internal networks',
      value: operator.egressInternal.join(', ') || 'none',
      from: from('egressInternal', 'MUSTER_EGRESS_INTERNAL'),
    },
    {
      key: 'mcp servers',
      value: Object.keys(operator.mcpServers).join(', ') || 'none',
      from: from('mcpServers', 'MUSTER_MCP_CONFIG'),
    },
    {
      key: 'encryption',
      value: operator.encryptionKeys.map(({ id }) => `key ${id}, hidden`).join(', ') || 'none',
      from: from('encryptionKeysFile', 'MUSTER_ENCRYPTION_KEYS', 'MUSTER_ENCRYPTION_KEYS_FILE'),
    },
  ];
}

const HIDDEN = 'set, hidden';

/** The first variable that is set, else the file that has the key. */
type Origin = (key: keyof Settings | undefined, ...variables: string[]) => string;

function origins({ environment }: Config, cwd: string): Origin {
  const { project, user } = settingsFiles(environment, cwd);
  const files = settingOrigins(project, user);
  return (key, ...variables) => variables.find((name) => environment[name]?.trim()) ?? (key && files[key]) ?? 'default';
}

function temporal({ temporal: service }: Config, from: Origin): Setting[] {
  if (!service) return [{ key: 'temporal', value: 'embedded', from: 'default' }];
  const { address, namespace, connection = {} } = service;
  // What no variable says is said by Temporal's own file.
  const orFile = (...names: string[]): string => {
    const named = from(undefined, ...names);
    return named === 'default' ? from(undefined, 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_PROFILE') : named;
  };
  const addressFrom = orFile('TEMPORAL_ADDRESS');
  return [
    {
      key: 'temporal',
      value: address,
      from: addressFrom === 'default' ? from('temporalAddress') : addressFrom,
    },
    { key: 'temporal namespace', value: namespace, from: orFile('TEMPORAL_NAMESPACE') },
    { key: 'temporal tls', value: shownTls(connection.tls), from: orFile(...TLS_VARIABLES) },
    { key: 'temporal api key', value: connection.apiKey ? HIDDEN : 'none', from: orFile('TEMPORAL_API_KEY') },
  ];
}

const TLS_VARIABLES = [
  'TEMPORAL_TLS',
  ...['CLIENT_CERT', 'CLIENT_KEY', 'SERVER_CA_CERT'].flatMap((one) => [
    `TEMPORAL_TLS_${one}_PATH`,
    `TEMPORAL_TLS_${one}_DATA`,
  ]),
  'TEMPORAL_TLS_SERVER_NAME',
  'TEMPORAL_API_KEY',
];

function shownTls(tls: NonNullable<NonNullable<Config['temporal']>['connection']>['tls']): string {
  if (!tls) return 'off';
  if (typeof tls !== 'object') return 'on';
  const parts = [
    tls.clientCertPair && 'client certificate',
    tls.serverRootCACertificate && 'CA of its own',
    tls.serverNameOverride && `as ${tls.serverNameOverride}`,
  ];
  return ['on', ...parts.filter(Boolean)].join(', ');
}

function credentialsOfStore({ artifacts, environment }: Config, from: Origin): Setting[] {
  if (!artifacts.startsWith('s3:')) return [];
  const isSet = environment['AWS_ACCESS_KEY_ID']?.trim();
  const profile = environment['AWS_PROFILE']?.trim();
  const value = isSet ? HIDDEN : profile ? `profile ${profile}` : 'by the usual chain';
  return [
    { key: 'artifacts credential', value, from: from(undefined, 'AWS_ACCESS_KEY_ID', 'AWS_PROFILE') },
    {
      key: 'artifacts region',
      value: environment['AWS_REGION'] ?? "the URL's, or the profile's",
      from: from(undefined, 'AWS_REGION'),
    },
  ];
}

const shownPlace = (url: string): string => (url.startsWith('file:') ? fileURLToPath(url) : shownUrl(url));
