import { createServer } from 'node:net';
import { Agent, get } from 'node:http';
import {
  Runtime,
  type ActivityInterceptorsFactory,
  type Logger,
  type RuntimeOptions,
  type WorkerOptions,
} from '@temporalio/worker';
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { Log } from '../activities/observe/log.ts';
import { NO_METRICS } from '../activities/observe/metrics.ts';
import { createMetrics } from '../activities/observe/prometheus.ts';
import { createRedactor } from '../activities/observe/redaction.ts';
import { NO_TRACES, type Watchers } from '../activities/observe/traces.ts';
import type { WorkerConfig } from './config.ts';
import { bindFleets, traceActivities, traceWorkflows } from './traced-work.ts';
import { VERSION } from './version.ts';

/** What this process tells of itself. One per process, for the SDK has one runtime. */
export interface Telemetry {
  /** For the rooms. */
  watchers: Watchers;
  /** For every worker. */
  workerOptions: Pick<WorkerOptions, 'sinks'>;
  activityInterceptors: ActivityInterceptorsFactory[];
  /** Where this process's own metrics stand; the SDK's are not in it. */
  registry: Registry;
  /** All metrics as Prometheus reads them, the SDK's own included. Never rejects. */
  exposition(): Promise<string>;
  /** Sends what is left to the collector; within seconds. */
  close(): Promise<void>;
}

/** The default buckets end at a minute, where a subagent begins. */
const SUBAGENT_SECONDS = [1, 10, 60, 300, 900, 1_800, 3_600, 7_200];
const QUEUE_SECONDS = [0.1, 0.5, 1, 5, 10, 60, 300, 600, 3_600];

/**
 * Installs the SDK's runtime: call it before anything of the SDK, once. Metrics are kept only where they are served.
 */
export async function openTelemetry(config: WorkerConfig, log: Log): Promise<Telemetry> {
  const registry = new Registry();
  const sdk = await installRuntime(log, config.listen !== undefined);
  const traces = config.tracing && (await import('../activities/observe/open-traces.ts')).openTraces(OF_WORKERS);
  if (config.listen) {
    collectDefaultMetrics({ register: registry });
    new Gauge({
      name: 'fleet_build_info',
      help: 'Always 1; the labels say what runs.',
      labelNames: ['version', 'node', 'role'],
      registers: [registry],
    }).set({ version: VERSION, node: process.version, role: config.role }, 1);
  }
  return {
    watchers: { metrics: config.listen ? createMetrics(registry) : NO_METRICS, traces: traces ?? NO_TRACES },
    workerOptions: { sinks: { ...traceWorkflows(traces, createRedactor(config.secrets)) } },
    activityInterceptors: [bindFleets(), ...(traces ? [traceActivities(traces, config.tracing!.share)] : [])],
    registry,
    async exposition() {
      const own = await registry.metrics();
      if (!sdk) return own;
      try {
        return `${own}\n${await textOf(sdk)}`;
      } catch (error) {
        log.warn({ err: error }, 'the metrics of the SDK cannot be read');
        return own;
      }
    },
    close: async () => traces?.close(),
  };
}

const OF_WORKERS = { service: 'muster-worker', version: VERSION, isDecided: true };

interface Address {
  host: string;
  port: number;
}

const PORT_TRIES = 5;

/**
 * Resolves with where the SDK serves its metrics. It has to know its port beforehand, and another process may be
 * quicker.
 */
async function installRuntime(log: Log, isServed: boolean): Promise<Address | undefined> {
  const common = { shutdownSignals: [], logger: temporalLogger(log) };
  for (let tries = 1; ; tries++) {
    const sdk = isServed ? await freeLoopback() : undefined;
    try {
      Runtime.install({ ...common, telemetryOptions: telemetryOptions(sdk) });
      return sdk;
    } catch (error) {
      if (!sdk || tries === PORT_TRIES) throw error;
    }
  }
}

async function freeLoopback(): Promise<Address> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return { host: '127.0.0.1', port };
}

/** The SDK's core logs where we log, and is measured in seconds like everything else here. */
function telemetryOptions(sdk: Address | undefined): NonNullable<RuntimeOptions['telemetryOptions']> {
  const logging = { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } as const;
  if (!sdk) return { logging };
  return {
    logging,
    metrics: {
      prometheus: {
        bindAddress: `${sdk.host}:${sdk.port.toString()}`,
        countersTotalSuffix: true,
        unitSuffix: true,
        useSecondsForDurations: true,
        histogramBucketOverrides: {
          temporal_activity_execution_latency: SUBAGENT_SECONDS,
          temporal_activity_succeed_endtoend_latency: SUBAGENT_SECONDS,
          temporal_activity_schedule_to_start_latency: QUEUE_SECONDS,
          temporal_workflow_task_schedule_to_start_latency: QUEUE_SECONDS,
        },
      },
    },
  };
}

/** Past every proxy that the environment names: it is this process. */
function textOf(address: Address): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ ...address, path: '/metrics', agent: new Agent(), timeout: 5_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
  });
}

/**
 * The SDK's own messages, and those of its core, as lines of ours. Below INFO they quote payloads, and are left out.
 */
export function temporalLogger(log: Log): Logger {
  const write = (level: string, message: string, meta: object = {}): void => {
    if (level === 'ERROR') log.error(meta, message);
    else if (level === 'WARN') log.warn(meta, message);
    else if (level === 'INFO') log.debug(meta, message);
  };
  return {
    log: write,
    trace: () => undefined,
    debug: () => undefined,
    info: (message, meta) => write('INFO', message, meta),
    warn: (message, meta) => write('WARN', message, meta),
    error: (message, meta) => write('ERROR', message, meta),
  };
}
