import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const DEPLOY = join(import.meta.dirname, '../../deploy');

interface Input {
  description?: string;
  default?: unknown;
  required?: boolean;
  options?: string[];
}
/** What both take, as action inputs are named everywhere (README). */
const SHARED = ['file', 'params', 'wait', 'timeout', 'fail-on', 'dry-run', 'server', 'idempotency-key'];

describe('the GitHub action', () => {
  const text = readFileSync(join(DEPLOY, 'action/action.yml'), 'utf8');
  const action = parse(text) as {
    inputs: Record<string, Input>;
    outputs: Record<string, { description: string; value: string }>;
    runs: { using: string; steps: { id: string; run: string; shell: string; env: Record<string, string> }[] };
  };
  const script = readFileSync(join(DEPLOY, 'action/run.mjs'), 'utf8');
  const [step, ...others] = action.runs.steps;

  it('is one composite step whose inputs reach the script by its environment alone', () => {
    expect(action.runs.using).toBe('composite');
    expect(others).toEqual([]);
    expect(step!.shell).toBe('bash');
    // An expression inside `run` would be read by the shell, whatever stands in it.
    expect(step!.run).not.toContain('${{');
    const handed = Object.values(step!.env).map((value) => /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(value)?.[1]);
    expect(handed).toEqual(Object.keys(action.inputs));
    for (const [name, value] of Object.entries(step!.env))
      expect(value).toBe(`\${{ inputs.${name.replace('INPUT_', '').toLowerCase().replaceAll('_', '-')} }}`);
  });

  it('has every input and output that is promised, each described and each used', () => {
    expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(SHARED));
    expect(Object.keys(action.outputs)).toEqual([
      'fleet-id',
      'url',
      'status',
      'completed',
      'failed',
      'cost-usd',
      'summary-json',
    ]);
    for (const [name, { description, required, default: otherwise }] of Object.entries(action.inputs)) {
      expect(description).toBeTruthy();
      expect(required === true || typeof otherwise === 'string').toBe(true);
      expect(script).toContain(`'${name}'`);
    }
    for (const [name, { value, description }] of Object.entries(action.outputs)) {
      expect(description).toBeTruthy();
      expect(value).toBe(`\${{ steps.${step!.id}.outputs.${name} }}`);
      expect(script).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });
});

describe('the GitLab component', () => {
  const text = readFileSync(join(DEPLOY, 'gitlab/template.yml'), 'utf8');
  const [header, body, ...others] = parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Record<string, unknown>;
  });
  const { inputs } = header!['spec'] as { inputs: Record<string, Input> };
  const job = Object.values(body!)[0] as {
    script: string[];
    variables: Record<string, { value: string; expand: boolean }>;
    artifacts: { when: string; reports: Record<string, string> };
  };

  it('is a spec and one job, with every promised input, each of them used', () => {
    expect(others).toEqual([]);
    expect(Object.keys(body!)).toEqual(['$[[ inputs.job-name ]]']);
    expect(Object.keys(inputs)).toEqual(expect.arrayContaining(SHARED));
    for (const name of Object.keys(inputs)) expect(JSON.stringify(body)).toContain(`$[[ inputs.${name} ]]`);
    const used = [...JSON.stringify(body).matchAll(/\$\[\[ inputs\.([\w-]+) \]\]/g)].map(([, name]) => name);
    for (const name of used) expect(inputs).toHaveProperty([name!]);
  });

  it('lets no shell read an input, and nobody expand one', () => {
    expect(job.script.join('\n')).not.toContain('$[[');
    for (const [name, { expand }] of Object.entries(job.variables)) {
      expect(expand).toBe(false);
      expect(job.script.join('\n')).toContain(name);
    }
  });

  it('hands over a JUnit report and variables for later jobs, of a job that failed too', () => {
    expect(job.artifacts).toMatchObject({
      when: 'always',
      reports: { junit: 'muster-junit.xml', dotenv: 'muster.env' },
    });
  });

  it('knows the same words for when a job fails as the action', () => {
    expect(inputs['fail-on']).toMatchObject({ default: 'any', options: ['any', 'threshold', 'never'] });
  });
});
