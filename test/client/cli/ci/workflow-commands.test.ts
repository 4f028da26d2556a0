import { describe, expect, it } from 'vitest';
import { annotations, defused } from '../../../../client/cli/ci/workflow-commands.ts';
import type { Fault } from '../../../../client/spec/plan.ts';

const fault = (more: Partial<Fault> = {}): Fault => ({
  ...{ file: '/w/ci/fleet.yaml', line: 3, column: 7, message: 'unknown key', hint: 'write label' },
  ...more,
});

describe('annotations', () => {
  it('stand at their line of a file, by its path in the checkout', () => {
    expect(annotations([fault()], '/w')).toBe('::error file=ci/fleet.yaml,line=3,col=7::unknown key; write label\n');
    expect(annotations([fault({ file: '/elsewhere/f.yaml' })], '/w')).toMatch(/^::error file=\/elsewhere\/f\.yaml,/);
    expect(annotations([fault({ file: 'options', line: 0, column: 0 })], undefined)).toBe(
      '::error file=options::unknown key; write label\n',
    );
  });

  it('carry text of others as GitHub wants it escaped: no second command, no property of its own', () => {
    const text = annotations([fault({ file: '/w/a,line=9:b%.yaml', message: '50 %\n::set-output name=x::y\r' })], '/w');
    expect(text).toBe(
      '::error file=a%2Cline=9%3Ab%25.yaml,line=3,col=7::50 %25%0A::set-output name=x::y%0D; write label\n',
    );
    expect(text.match(/\n/g)).toHaveLength(1);
  });

  it('are no more than a log can show', () => {
    const many = Array.from({ length: 5_000 }, () => fault());
    expect(annotations(many, '/w').split('\n')).toHaveLength(51);
    expect(annotations([], '/w')).toBe('');
  });
});

describe('what others say', () => {
  it.each([
    ['::error::x', '› ::error::x'],
    ['fine\n  ::add-mask::password\nfine', 'fine\n  › ::add-mask::password\nfine'],
    ['##[group]x', '› ##[group]x'],
    ['std::move and a::b', 'std::move and a::b'],
  ])('is no command to a runner: %j', (said, shown) => {
    expect(defused(said)).toBe(shown);
    for (const line of defused(said).split('\n')) expect(line.trimStart()).not.toMatch(/^(::|##\[)/);
  });
});
