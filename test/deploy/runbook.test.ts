import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const read = (name: string): string => readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8');
const RUNBOOK = read('deploy/runbook.md');

interface Rules {
  groups: { rules: { alert?: string }[] }[];
}

it('says what to do for every alert, and for none that does not exist', () => {
  const rules = (parse(read('deploy/prometheus/alerts.yaml')) as Rules).groups.flatMap((group) => group.rules);
  const alerts = rules.flatMap(({ alert }) => alert ?? []);
  const [, chapter] = /\n## Alerts\n(.*?)\n## /s.exec(RUNBOOK)!;
  const headings = [...chapter!.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(headings.sort()).toEqual(alerts.sort());
  expect(headings.length).toBeGreaterThan(10);
});

it('names files of deploy/ that exist', () => {
  const named = [...RUNBOOK.matchAll(/`(deploy\/[\w./-]+)`/g)].map(([, name]) => name!);
  expect(named.length).toBeGreaterThan(3);
  for (const name of named) if (/\.\w+$/.test(name)) expect(() => read(name)).not.toThrow();
});
