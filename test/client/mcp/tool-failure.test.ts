import { expect, it } from 'vitest';
import { FleetFailure } from '../../../client/fleet-client/failure.ts';
import { afterStart, describeFailure, ToolFailure } from '../../../client/mcp/tool-failure.ts';
import { InvalidFleet } from '../../../client/spec/plan.ts';

const fault = { file: 'fleet.yaml', line: 3, column: 5, message: 'no such key', hint: 'remove it' };

it('tells all faults as lines, and that nothing was started', () => {
  const described = describeFailure(new InvalidFleet([fault, { ...fault, line: 9 }]));
  expect(described).toMatchObject({
    code: 'invalid_file',
    message: 'fleet.yaml:3:5: no such key; remove it\nfleet.yaml:9:5: no such key; remove it',
    hint: 'nothing was started; mend it and call again',
  });
  expect(described.faults).toHaveLength(2);
});

it('names what is a flag at a command line as the argument it is here', () => {
  const described = describeFailure(new InvalidFleet([{ ...fault, file: '--allow', line: 0, column: 0 }]));
  expect(described.message).toBe('allow: no such key; remove it');
});

it('keeps thousands of faults short', () => {
  const described = describeFailure(new InvalidFleet(Array<typeof fault>(5_000).fill(fault)));
  expect(described.message.split('\n').at(-1)).toBe('and 4950 more faults');
  expect(described.faults).toHaveLength(50);
  const long = describeFailure(new InvalidFleet([{ ...fault, message: 'x'.repeat(100_000) }]));
  expect(long.message.length).toBeLessThan(10_000);
});

it('says to a caller without a credential what it can do', () => {
  const { hint } = describeFailure(new FleetFailure('no_credential', 'no Claude credential', 'set one'));
  expect(hint).toMatch(/ANTHROPIC_API_KEY.*simulate: true/);
});

it('passes on the nearest id', () => {
  const failure = new FleetFailure('unknown_fleet', 'there is no fleet "a"', 'muster list; did you mean b?');
  expect(describeFailure(failure)).toEqual({
    code: 'unknown_fleet',
    message: 'there is no fleet "a"',
    hint: 'muster list; did you mean b?',
  });
});

it('shows no stack of what should not happen', () => {
  const described = describeFailure(new TypeError('x is not a function'));
  expect(described).toMatchObject({ code: 'internal', message: 'x is not a function' });
  expect(JSON.stringify(described)).not.toContain('.ts:');
});

it('has its own failures as they are', () => {
  expect(describeFailure(new ToolFailure('usage', 'm', 'h'))).toEqual({ code: 'usage', message: 'm', hint: 'h' });
  expect(describeFailure(new ToolFailure('usage', 'm'))).not.toHaveProperty('hint');
});

it('names the fleet to whoever started it, whatever goes wrong after that', () => {
  const failure = afterStart('f1', new FleetFailure('unreachable', 'nobody answers', 'look at the logs'));
  expect(failure).toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(/^the fleet f1 was started and goes on.*nobody answers/) as string,
    hint: expect.stringContaining('do not start it anew') as string,
  });
});
