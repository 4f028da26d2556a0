import { describe, expect, it } from 'vitest';
import { describeError, errorText } from '../../../client/cli/error-report.ts';
import { FleetFailure, type FleetFailureCode } from '../../../client/fleet-client/failure.ts';
import { InvalidFleet } from '../../../client/spec/plan.ts';

describe('what is said of errors', () => {
  it.each<[FleetFailureCode, number]>([
    ['unknown_fleet', 2],
    ['not_asked', 2],
    ['no_credential', 4],
    ['unreachable', 1],
    ['damaged', 1],
  ])('a request that fails as %s ends with exit code %i', (code, exitCode) => {
    const described = describeError(new FleetFailure(code, 'it cannot be', 'do this'), ['run']);
    expect(described).toEqual({ ok: false, code, exitCode, message: 'it cannot be', hint: 'do this' });
  });

  it('a fault of a flag has no line, one of a file has', () => {
    const where = { line: 0, column: 0, message: 'wrong', hint: 'mend it' };
    const faults = [
      { file: '-p', ...where },
      { file: 'f.yaml', ...where, line: 2, column: 3 },
    ];
    const text = errorText(describeError(new InvalidFleet(faults), ['run']));
    expect(text).toBe('-p: wrong; mend it\nf.yaml:2:3: wrong; mend it\n2 faults; nothing was started\n');
  });
});
