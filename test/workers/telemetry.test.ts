import { Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_METRICS } from '../../activities/observe/metrics.ts';
import { NO_TRACES } from '../../activities/observe/traces.ts';
import { readWorkerConfig } from '../../workers/config.ts';
import { serveHealth } from '../../workers/health.ts';
import { openTelemetry, type Telemetry } from '../../workers/telemetry.ts';
import { VERSION } from '../../workers/version.ts';
import { freePort } from '../support/temporal-server.ts';

const ENV = { MUSTER_HOME: '/nowhere', ANTHROPIC_API_KEY: 'key-of-nobody-at-all' };
const lines: Record<string, unknown>[] = [];
const log = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
let telemetry: Telemetry;
let port: number;
let health: { close(): Promise<unknown> };

/** One runtime is all that a process gets, so that these tests share it. */
beforeAll(async () => {
  port = await freePort();
  const config = readWorkerConfig(['--listen', `127.0.0.1:${port.toString()}`, '--role', 'all'], ENV);
  telemetry = await openTelemetry(config, log);
  health = await serveHealth(config.listen!, [], telemetry);
});
afterAll(() => health.close());

describe('what a worker tells of itself', () => {
  it('is one exposition of this process’s metrics and the SDK’s, which can be read', async () => {
    const response = await fetch(`http://127.0.0.1:${port.toString()}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
    const text = await response.text();
    expect(text).toContain(`fleet_build_info{version="${VERSION}",node="${process.version}",role="all"} 1`);
    expect(text).toMatch(/^process_resident_memory_bytes \d/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \S/m);
    expect(text).not.toMatch(/^# EOF/m);
    expect(lines).toEqual([]); // no word of an SDK that could not be asked
  });

  it('is in the log, the SDK’s own words too, but for what quotes payloads', async () => {
    const { logger } = Runtime.instance();
    logger.warn('of the SDK', { n: 1n });
    logger.debug('quotes a payload');
    logger.log('TRACE', 'quotes a payload');
    await expect.poll(() => lines).toContainEqual(expect.objectContaining({ level: 40, msg: 'of the SDK' }));
    expect(lines.filter(({ msg }) => msg === 'quotes a payload')).toEqual([]);
  });

  it('without an address to listen on, or a collector, is nothing: no port, no spans, no counters', () => {
    const config = readWorkerConfig([], ENV);
    expect([config.listen, config.tracing]).toEqual([undefined, undefined]);
    expect(telemetry.watchers.traces).toBe(NO_TRACES);
    expect(telemetry.watchers.metrics).not.toBe(NO_METRICS);
    expect(telemetry.activityInterceptors).toHaveLength(1); // of the log
  });
});

describe('a worker’s configuration', () => {
  it('counts the collector’s credentials among what must never be told', () => {
    const { secrets, tracing } = readWorkerConfig([], {
      ...ENV,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.example',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=of-the-collector',
    });
    expect(secrets).toContain('of-the-collector');
    expect(tracing).toEqual({ share: 1 });
  });
});
