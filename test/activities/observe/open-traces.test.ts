import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openTraces, type OpenTraces } from '../../../activities/observe/open-traces.ts';
import { currentSpan } from '../../../activities/observe/within.ts';
import { OtlpReceiver } from '../../support/otlp-receiver.ts';

const PARENT = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) };
let receiver: OtlpReceiver;
const opened: OpenTraces[] = [];

beforeEach(async () => {
  receiver = await OtlpReceiver.start();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const traces of opened.splice(0)) await traces.close();
  await receiver[Symbol.asyncDispose]();
});

function open(isDecided = false): OpenTraces {
  const traces = openTraces({ service: 'test', version: '1', isDecided });
  opened.push(traces);
  return traces;
}

describe('spans', () => {
  it('stand below the one they are part of, across waits and side by side', async () => {
    const traces = open();
    await traces.begin('root', {}, PARENT, async () => {
      await Promise.all(
        ['a', 'b'].map((name) =>
          traces.span(name, { of: name }, async () => {
            await new Promise((resolve) => setTimeout(resolve, 2));
            await traces.span(`below ${name}`, {}, async () => undefined);
          }),
        ),
      );
    });
    expect(currentSpan()).toBeUndefined();
    await traces.close();
    const span = (name: string) => receiver.named(name)[0]!;
    expect(receiver.spans).toHaveLength(5);
    expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([PARENT.traceId]));
    expect(span('root').parentSpanId).toBe(PARENT.spanId);
    for (const name of ['a', 'b']) {
      expect(span(name).parentSpanId).toBe(span('root').spanId);
      expect(span(`below ${name}`).parentSpanId).toBe(span(name).spanId);
    }
  });

  it('of an error tell its name and never its message', async () => {
    const traces = open();
    const work = traces.begin('broken', {}, undefined, () => Promise.reject(new TypeError('quotes a-secret-prompt')));
    await expect(work).rejects.toThrow('a-secret-prompt');
    await traces.close();
    expect(receiver.named('broken')).toMatchObject([{ statusCode: 2, statusMessage: 'TypeError' }]);
    expect(receiver.bodies).not.toContain('a-secret-prompt');
  });

  it('are none where no work is traced', async () => {
    const traces = open();
    expect(await traces.span('alone', {}, (span) => Promise.resolve(span))).toBeUndefined();
    await traces.close();
    expect(receiver.spans).toEqual([]);
  });

  it('that others have timed are sent as they were told', async () => {
    const traces = open();
    const times = { startedAtMs: 1_700_000_000_123, endedAtMs: 1_700_000_002_625 };
    const place = { traceId: PARENT.traceId, spanId: 'e'.repeat(16), parentSpanId: PARENT.spanId };
    traces.record({ ...place, ...times, name: 'fleetWorkflow', hasFailed: false, attributes: { a: 1 } });
    await traces.close();
    expect(receiver.spans).toMatchObject([
      { ...place, name: 'fleetWorkflow', attributes: { a: 1 }, durationMs: 2_502 },
    ]);
  });

  it('follow the sampler of the environment, unless whoever named the parent has decided', async () => {
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'always_off');
    const [asked, told] = [open(), open(true)];
    const isTraced = (traces: OpenTraces) => traces.begin('x', {}, PARENT, async () => currentSpan() !== undefined);
    expect([await isTraced(asked), await isTraced(told)]).toEqual([false, true]);
  });

  it('are lost, and nothing else, where no collector answers', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1');
    const traces = open();
    expect(await traces.begin('lost', {}, undefined, async () => 7)).toBe(7);
    await traces.close();
    await traces.close();
  });

  it('name their service as the environment does', async () => {
    vi.stubEnv('OTEL_SERVICE_NAME', 'our-muster');
    const traces = open();
    await traces.begin('x', {}, undefined, async () => undefined);
    await traces.close();
    expect(receiver.spans[0]!.service).toBe('our-muster');
  });
});
