/** How client and worker read which Temporal they work with: the same variables, the same faults. */

type Variables = Readonly<Record<string, string | undefined>>;

/** A key at fault; `problem` never quotes what may be a secret. */
export interface TemporalFault {
  key: string;
  problem: string;
  hint: string;
}

type Source = { path: string } | { data: unknown };

/** What of a profile of `@temporalio/envconfig` can be wrong. */
export interface TemporalProfile {
  address?: string;
  tls?: { clientCert?: Source; clientKey?: Source; serverCACert?: Source };
}

/** Where Temporal's own configuration file lies when a profile is named and the file is not. */
const PLACES = ['HOME', 'XDG_CONFIG_HOME', 'APPDATA'];

/** The variables that say it, trimmed; an empty one is none. */
export function temporalVariables(environment: Variables): Record<string, string> {
  const named = Object.entries(environment).filter(([key]) => key.startsWith('TEMPORAL_') || PLACES.includes(key));
  return Object.fromEntries(named.flatMap(([key, value]) => (value?.trim() ? [[key, value.trim()]] : [])));
}

/** Temporal's own file counts only when asked for: a profile meant for other work must not be used by surprise. */
export function asksForFile(variables: Variables): boolean {
  return variables['TEMPORAL_CONFIG_FILE'] !== undefined || variables['TEMPORAL_PROFILE'] !== undefined;
}

/** Before the variables are read; undefined: nothing is wrong yet. */
export function variablesFault(variables: Variables, isFile: (path: string) => boolean): TemporalFault | undefined {
  const file = variables['TEMPORAL_CONFIG_FILE'];
  if (file !== undefined && !isFile(file))
    return { key: 'TEMPORAL_CONFIG_FILE', problem: `there is no file ${file}`, hint: 'name a file, or unset it' };
  const flag = ['TEMPORAL_TLS', 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION'].find(
    (key) => !/^(true|false|1|0)?$/.test(variables[key] ?? ''),
  );
  if (flag === undefined) return undefined;
  return { key: flag, problem: `${JSON.stringify(variables[flag])} is neither`, hint: `write ${flag}=true or false` };
}

/** What the reading of them threw. */
export function readingFault(error: unknown, variables: Variables): TemporalFault {
  // Of more than one line, the others show what the file holds.
  const problem = (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
  const [, both] = /both (\w+)_path/.exec(problem) ?? [];
  if (both !== undefined)
    return { key: `TEMPORAL_TLS_${both.toUpperCase()}_PATH`, problem, hint: 'write one of the two' };
  if (problem.startsWith('Profile ')) return { key: 'TEMPORAL_PROFILE', problem, hint: 'name a profile of the file' };
  const key = asksForFile(variables) ? 'TEMPORAL_CONFIG_FILE' : 'TEMPORAL_*';
  return { key, problem, hint: 'check the TEMPORAL_ variables and the file they name' };
}

/** What is wrong in what was read. `needsAddress`: nobody else gives one. */
export function profileFault(
  { address, tls = {} }: TemporalProfile,
  isFile: (path: string) => boolean,
  needsAddress: boolean,
): TemporalFault | undefined {
  if (address === undefined && needsAddress)
    return { key: 'TEMPORAL_ADDRESS', problem: 'no address is given', hint: 'write TEMPORAL_ADDRESS=host:7233' };
  if (address !== undefined && !isAddress(address))
    return {
      key: 'TEMPORAL_ADDRESS',
      problem: `${JSON.stringify(address)} is no address`,
      hint: 'write TEMPORAL_ADDRESS=host:7233, without a scheme',
    };
  const sources = [
    ['CLIENT_CERT', tls.clientCert],
    ['CLIENT_KEY', tls.clientKey],
    ['SERVER_CA_CERT', tls.serverCACert],
  ] as const;
  for (const [name, source] of sources)
    if (source && 'path' in source && !isFile(source.path))
      return {
        key: `TEMPORAL_TLS_${name}_PATH`,
        problem: `there is no file ${source.path}`,
        hint: 'name a file in PEM form',
      };
  if ((tls.clientCert === undefined) === (tls.clientKey === undefined)) return undefined;
  const [given, absent] = tls.clientCert ? ['CERT', 'KEY'] : ['KEY', 'CERT'];
  return {
    key: `TEMPORAL_TLS_CLIENT_${absent}_PATH`,
    problem: `is not set, and TEMPORAL_TLS_CLIENT_${given} is: the server would be shown neither`,
    hint: 'set both',
  };
}

function isAddress(text: string): boolean {
  const [, port] = /^(?:\[[\da-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/.exec(text) ?? ['', '0'];
  return port === undefined || (Number(port) > 0 && Number(port) <= 65_535);
}
