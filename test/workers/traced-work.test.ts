import type { Context } from '@temporalio/activity';
import type { ActivityExecuteInput } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import type { OpenTraces, RecordedSpan } from '../../activities/observe/open-traces.ts';
import { currentFields, type Attributes, type SpanPlace } from '../../activities/observe/within.ts';
import { withPlace } from '../../workflows/contract/traces.ts';
import { bindFleets, traceActivities, traceWorkflows } from '../../workers/traced-work.ts';

const PLACE = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };

/** What activities begin below `share`; each is one subagent of a fleet, with or without a trace. */
async function begun(share: number, subagents: number, headers = withPlace({}, PLACE), activityType = 'runSubagent') {
  const spans: { name: string; attributes: Attributes; parent: SpanPlace | undefined; index: number }[] = [];
  for (let index = 0; index < subagents; index++) {
    const begin: OpenTraces['begin'] = (name, attributes, parent, work) => {
      spans.push({ name, attributes, parent, index });
      return work(undefined);
    };
    const info = { activityType, activityId: `subagent/${index.toString()}/1`, workflowExecution: { workflowId: 'w' } };
    const { inbound } = traceActivities({ begin } as OpenTraces, share)({ info } as unknown as Context);
    const input: ActivityExecuteInput = { args: [{ fleetId: 'f', index }], headers };
    expect(await inbound!.execute!(input, async () => 'done')).toBe('done');
  }
  return spans;
}

describe('activities', () => {
  it('are spans below their workflow, by the name of their type', async () => {
    expect(await begun(1, 1)).toMatchObject([
      { name: 'runSubagent', parent: PLACE, attributes: { 'temporal.activity.id': 'subagent/0/1' } },
    ]);
  });

  it('of a workflow that is not traced are none', async () => expect(await begun(1, 3, {})).toEqual([]));

  it('are traced for a share of the subagents, the same at each attempt, and for all that is no subagent', async () => {
    const [first, again] = [await begun(0.2, 1_000), await begun(0.2, 1_000)];
    expect(first.length).toBeGreaterThan(140);
    expect(first.length).toBeLessThan(260);
    expect(again).toEqual(first);
    // A greater share adds to a smaller one.
    const more = new Set((await begun(0.5, 1_000)).map(({ index }) => index));
    expect(first.every(({ index }) => more.has(index))).toBe(true);
    expect(await begun(0.2, 20, undefined, 'closeFleet')).toHaveLength(20);
    expect(await begun(0, 20, undefined, 'closeFleet')).toEqual([]);
  });
});

describe('what an activity logs', () => {
  it.each([
    ['fleet/f1/batch/1-2', { fleetId: 'f1' }],
    ['fleet/f1', { fleetId: 'f1' }],
    ['schedule/f1', {}],
  ])('names the fleet of %s', async (workflowId, fields) => {
    const { inbound } = bindFleets()({ info: { workflowExecution: { workflowId } } } as unknown as Context);
    const seen = inbound!.execute!({ args: [], headers: {} }, () => Promise.resolve(currentFields()));
    expect(await seen).toEqual(fields);
  });
});

describe('workflows', () => {
  const info = (workflowId: string, memo?: object) => ({ workflowId, workflowType: 'fleetWorkflow', memo });
  const span = { ...PLACE, parentSpanId: 'c'.repeat(16), startedAtMs: 1, endedAtMs: 2, hasFailed: false };
  const told = (...of: Parameters<typeof info>): RecordedSpan[] => {
    const spans: RecordedSpan[] = [];
    const { ended } = traceWorkflows({ record: (one) => spans.push(one) }, (text) =>
      text.replace('s3cret', '[hidden]'),
    ).traces;
    expect(ended.callDuringReplay).toBe(false);
    void ended.fn(info(...of) as never, span);
    return spans;
  };

  it('tell of their span when they have ended, secrets hidden', () => {
    expect(told('fleet/f1', { name: 'with s3cret' })).toMatchObject([
      { ...span, name: 'fleetWorkflow', attributes: { 'workflow.run_id': 'f1', 'workflow.name': 'with [hidden]' } },
    ]);
    expect(told('fleet/f1/batch/1-1')[0]!.attributes['workflow.run_id']).toBe('f1');
    expect(told('schedule/f1')[0]!.attributes['workflow.run_id']).toBeUndefined();
  });

  it('are told where nothing is traced, too, for another worker may trace', () => {
    expect(() =>
      traceWorkflows(undefined, (text) => text).traces.ended.fn(info('fleet/f1') as never, span),
    ).not.toThrow();
  });
});
