import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Environment variables that a worker, Temporal's configuration or the AWS SDK reads; ours as the code spells them. */
export function readVariables(): Set<string> {
  const sources = globSync(['workers/*.ts', 'activities/{encryption,observe}/*.ts'], { cwd: ROOT });
  const text = sources.map((name) => readFileSync(`${ROOT}/${name}`, 'utf8')).join('\n');
  const ours = text.match(/\b(MUSTER|ANTHROPIC|OTEL)_[A-Z_]+/g) ?? [];
  // reference: @temporalio/envconfig, @aws-sdk/credential-provider-node
  const tls = ['SERVER_NAME', 'SERVER_CA_CERT_PATH', 'CLIENT_CERT_PATH', 'CLIENT_KEY_PATH'];
  const temporal = ['ADDRESS', 'NAMESPACE', 'API_KEY', 'TLS', 'WORKER_BUILD_ID', ...tls.map((name) => `TLS_${name}`)];
  const aws = ['ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'REGION'];
  return new Set([...ours, ...temporal.map((name) => `TEMPORAL_${name}`), ...aws.map((name) => `AWS_${name}`)]);
}
