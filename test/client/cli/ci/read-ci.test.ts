import { describe, expect, it } from 'vitest';
import { readCi } from '../../../../client/config.ts';

describe('what a CI job says of itself', () => {
  it('is nothing where there is no job', () => {
    expect(readCi({})).toEqual({ obeysLines: false, workspace: undefined, stepSummary: undefined });
    expect(readCi({ GITHUB_ACTIONS: '', GITHUB_WORKSPACE: ' ', GITHUB_STEP_SUMMARY: '' })).toEqual(readCi({}));
  });

  it('is read from the variables of GitHub; another system may set the summary alone', () => {
    const all = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: '/w', GITHUB_STEP_SUMMARY: '/tmp/summary.md' };
    expect(readCi(all)).toEqual({ obeysLines: true, workspace: '/w', stepSummary: '/tmp/summary.md' });
    expect(readCi({ GITHUB_STEP_SUMMARY: '/tmp/summary.md' })).toMatchObject({ obeysLines: false });
  });
});
