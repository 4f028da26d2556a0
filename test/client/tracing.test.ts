import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { currentSpan } from '../../activities/observe/within.ts';
import { handsOnTraces, traced } from '../../client/tracing.ts';
import { placeIn } from '../../workflows/contract/traces.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';

const CALLER = '0af7651916cd43dd8448eb211c80319c';
let receiver: OtlpReceiver;
let environment: Record<string, string>;
beforeEach(async () => {
  receiver = await OtlpReceiver.start();
  environment = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await receiver[Symbol.asyncDispose]();
});

/** What a workflow that is started now gets as headers. */
async function headersNow() {
  let headers = {};
  const next = (input: { headers: object }) => {
    headers = input.headers;
    return Promise.resolve({ runId: 'r', eagerlyStarted: false });
  };
  await handsOnTraces.startWithDetails!({ headers: {} } as never, next as never);
  return headers;
}

describe('a command', () => {
  it('is the root of a trace, which what it starts belongs to, and is sent when it has ended', async () => {
    const place = await traced(environment, 'muster run', async (span) => {
      span!.set({ 'process.exit.code': 3 });
      return placeIn(await headersNow());
    });
    expect(receiver.spans).toMatchObject([
      { name: 'muster run', ...place, parentSpanId: undefined, attributes: { 'process.exit.code': 3 } },
    ]);
  });

  it('is part of the trace that it is called in, and has one span however deep it asks for one', async () => {
    const inside = { ...environment, TRACEPARENT: `00-${CALLER}-b7ad6b7169203331-01` };
    await traced(inside, 'muster run', () => traced(inside, 'muster start', async () => undefined));
    expect(receiver.spans).toMatchObject([{ name: 'muster run', traceId: CALLER, parentSpanId: 'b7ad6b7169203331' }]);
  });

  it('that fails is told as failed, and fails as it would', async () => {
    await expect(traced(environment, 'muster run', () => Promise.reject(new RangeError('no')))).rejects.toThrow('no');
    expect(receiver.spans).toMatchObject([{ statusCode: 2, statusMessage: 'RangeError' }]);
  });

  it.each([
    ['tracing is off', {}],
    [
      'whoever calls does not sample',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'on', TRACEPARENT: `00-${CALLER}-b7ad6b7169203331-00` },
    ],
  ])('leaves no trace where %s', async (_, off) => {
    const headers = await traced(off as Record<string, string>, 'muster run', async (span) => {
      expect([span, currentSpan()]).toEqual([undefined, undefined]);
      return headersNow();
    });
    expect(headers).toEqual({});
    expect(receiver.spans).toEqual([]);
  });

  it('loads nothing of OpenTelemetry where tracing is off', async () => {
    const tracing = fileURLToPath(new URL('../../client/tracing.ts', import.meta.url));
    const loadedWith = async (env: object): Promise<string> => {
      const script = `
        import { registerHooks } from 'node:module';
        let loaded = 0;
        const load = (url, context, next) => (url.includes('@opentelemetry/') && loaded++, next(url, context));
        registerHooks({ load });
        const { traced } = await import('${tracing}');
        await traced(${JSON.stringify(env)}, 'x', async () => undefined);
        console.log(loaded > 0);`;
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
      return stdout.trim();
    };
    expect(await loadedWith({})).toBe('false');
    expect(await loadedWith(environment)).toBe('true');
  });
});
