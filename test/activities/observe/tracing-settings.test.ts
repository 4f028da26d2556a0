import { describe, expect, it } from 'vitest';
import { collectorSecrets, tracingSettings } from '../../../activities/observe/tracing-settings.ts';

const URL = 'http://collector.example:4318';

describe('tracing', () => {
  it.each([
    [{}],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
    [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: URL }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_SDK_DISABLED: 'true' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_TRACES_EXPORTER: 'none' }],
  ])('is off with %j', (env) => expect(tracingSettings(env)).toBeUndefined());

  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL }, 1],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: URL }, 1],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' }, 0.25],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' }, 1],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: 'many' }, 1],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_TRACES_SAMPLER: 'parentbased_always_on', OTEL_TRACES_SAMPLER_ARG: '0' },
      1,
    ],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, 0],
  ])('is on with %j, for a share of %d of the subagents', (env, share) =>
    expect(tracingSettings(env)).toEqual({ share }),
  );

  it('gives away none of the credentials for the collector, however they are written', () => {
    const secrets = collectorSecrets({
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=first-secret,x-token=%,x-scope-orgid=production',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'Authorization=Basic%20c2Vjb25k',
    });
    expect(secrets).toEqual(['first-secret', '%', 'Basic%20c2Vjb25k', 'Basic c2Vjb25k', 'c2Vjb25k']);
    expect(collectorSecrets({})).toEqual([]);
  });
});
