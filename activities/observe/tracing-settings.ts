type Environment = Readonly<Record<string, string | undefined>>;

/** How a process traces, by OpenTelemetry's own variables. */
export interface TracingSettings {
  /** Of the subagents of a traced fleet, this share is traced; in [0, 1]. */
  share: number;
}

/** Undefined: nothing is traced, and nothing is loaded for it. An empty variable is none. */
export function tracingSettings(env: Environment): TracingSettings | undefined {
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const isOff = env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none';
  return endpoint && !isOff ? { share: shareOf(env) } : undefined;
}

/**
 * What the samplers that know of a share mean for subagents; those that always or never record mean all or none of
 * them.
 */
function shareOf(env: Environment): number {
  const sampler = env['OTEL_TRACES_SAMPLER'] ?? '';
  if (sampler.endsWith('always_off')) return 0;
  const share = Number(env['OTEL_TRACES_SAMPLER_ARG'] || 1);
  return sampler.endsWith('traceidratio') && share >= 0 && share <= 1 ? share : 1;
}

/** A tenant's name is no secret, and would be hidden wherever a subagent uses the word. */
const HOLDS_A_SECRET = /auth|key|token|secret|password|cookie/i;

/** The credentials among the headers for the collector. */
export function collectorSecrets(env: Environment): string[] {
  return ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'].flatMap((name) =>
    (env[name] ?? '').split(',').flatMap((pair) => {
      const value = pair.slice(pair.indexOf('=') + 1).trim();
      if (!HOLDS_A_SECRET.test(pair.slice(0, pair.indexOf('=')))) return [];
      const plain = decoded(value);
      return [...new Set([value, plain, plain.replace(/^\w+ /, '')])].filter(Boolean);
    }),
  );
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
