import { readConfig } from '../../client/config.ts';
import { obtainServerBinary } from '../../client/local/server-binary.ts';

/** The Temporal server of all scenarios: found as the product finds it, and built by it where there is none. */
export async function setup(): Promise<void> {
  const config = readConfig(process.env, process.cwd());
  const { path } = await obtainServerBinary(config, { onProgress: (line) => process.stderr.write(`${line}\n`) });
  process.env['MUSTER_TEMPORAL_BINARY'] = path;
}
