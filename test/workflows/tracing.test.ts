import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import {
  parseTraceparent,
  placeIn,
  traceparent,
  withPlace,
  type WorkflowSpan,
} from '../../workflows/contract/traces.ts';
import { workflowBundle } from '../support/fleet-harness.ts';

const PLACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const HISTORIES = join(import.meta.dirname, '../replay/histories');

describe('a place in a trace', () => {
  it('is written and read as W3C has it', () => {
    expect(traceparent(PLACE)).toBe(`00-${PLACE.traceId}-${PLACE.spanId}-01`);
    expect(parseTraceparent(traceparent(PLACE))).toEqual({ ...PLACE, isSampled: true });
    expect(parseTraceparent(`cc-${PLACE.traceId}-${PLACE.spanId}-00-what-is-to-come`)).toMatchObject({
      isSampled: false,
    });
  });

  it.each([
    ...[
      undefined,
      7,
      '',
      'traceparent',
      `00-${PLACE.traceId}-${PLACE.spanId}`,
      `00-${PLACE.traceId}-${PLACE.spanId}-1`,
    ],
    ...[`ff-${PLACE.traceId}-${PLACE.spanId}-01`, `00-${'0'.repeat(32)}-${PLACE.spanId}-01`],
    ...[`00-${PLACE.traceId}-${'0'.repeat(16)}-01`, `00-${PLACE.traceId.toUpperCase()}-${PLACE.spanId}-01`],
  ])('is none in %j', (text) => expect(parseTraceparent(text)).toBeUndefined());

  it('travels in headers, and counts only where it is sampled', () => {
    expect(placeIn(withPlace({}, PLACE))).toEqual(PLACE);
    expect(placeIn({})).toBeUndefined();
    const data = Buffer.from(JSON.stringify(`00-${PLACE.traceId}-${PLACE.spanId}-00`));
    expect(placeIn({ traceparent: { metadata: { encoding: Buffer.from('json/plain') }, data } })).toBeUndefined();
  });
});

describe('a workflow that is traced', () => {
  it.each(readdirSync(HISTORIES))('decides as it did untraced, and tells of its span once: %s', async (name) => {
    const history = JSON.parse(readFileSync(join(HISTORIES, name), 'utf8')) as { events: Record<string, unknown>[] };
    const started = history.events[0]!['workflowExecutionStartedEventAttributes'] as Record<string, unknown>;
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const payload = { metadata: { encoding: base64('json/plain') }, data: base64(JSON.stringify(traceparent(PLACE))) };
    started['header'] = { fields: { traceparent: payload } };
    const told: WorkflowSpan[] = [];
    const sinks = {
      traces: { ended: { fn: (_: unknown, span: WorkflowSpan) => void told.push(span), callDuringReplay: true } },
    };
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle(), sinks }, history, name);
    const { traceId, spanId: parentSpanId } = PLACE;
    const spanId = (started['originalExecutionRunId'] as string).replaceAll('-', '').slice(-16);
    expect(told).toMatchObject([{ traceId, parentSpanId, spanId, hasFailed: false }]);
    expect(told[0]!.endedAtMs).toBeGreaterThanOrEqual(told[0]!.startedAtMs);
  });
});
