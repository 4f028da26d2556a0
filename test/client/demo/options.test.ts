import { describe, expect, it } from 'vitest';
import { readOptions } from '../../../client/demo/options.ts';

describe('readOptions', () => {
  it('has defaults for everything', () => {
    expect(readOptions([])).toEqual({ repositories: 45, isFresh: false, isAgreed: false, isSimulated: false });
  });

  it('takes each flag, and help before all of them', () => {
    const wanted = { repositories: 5, isFresh: true, isAgreed: true, isSimulated: true };
    expect(readOptions(['--repositories', '5', '--fresh', '--yes', '--simulate'])).toEqual(wanted);
    expect(readOptions(['--fresh', '--help'])).toBeUndefined();
  });

  it.each([
    [['--repositories', '0'], '--repositories 0: a whole number from 1 is needed'],
    [['--repositories=many'], '--repositories many: a whole number from 1 is needed'],
    [['--frehs'], "Unknown option '--frehs'"],
    [['5'], "Unexpected argument '5'"],
  ])('refuses %j and says where help is', (args, message) => {
    expect(() => readOptions(args)).toThrow(
      expect.objectContaining({ exitCode: 2, message, hint: 'npm start -- --help' }),
    );
  });
});
