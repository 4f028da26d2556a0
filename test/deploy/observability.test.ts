import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { exposedNames, metricNames } from '../support/promql-names.ts';
import { ownExposition, sdkSeries } from '../support/worker-exposition.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Rules {
  groups: { rules: { alert: string; expr: string; labels: Record<string, string>; annotations: object }[] }[];
}
interface AlertTests {
  tests: { name: string; promql_expr_test: { exp_samples: { labels: string }[] }[] }[];
}
interface Panel {
  id: number;
  type: string;
  title: string;
  datasource?: unknown;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; refId: string; datasource: unknown }[];
}
interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: unknown; definition?: string }[] };
}

const rules = (parse(read('deploy/prometheus/alerts.yaml')) as Rules).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('deploy/grafana/fleets.json')) as Dashboard;
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }): [string, string] => [title, expr]),
);

let own: Set<string>;
let sdk: Set<string>;
let exposition: string;
beforeAll(async () => {
  own = exposedNames((exposition = await ownExposition()));
  sdk = sdkSeries();
});

/** Metrics that an expression reads and no worker can export. */
const unknownIn = (expression: string): string[] =>
  metricNames(expression).filter((name) => !own.has(name) && !sdk.has(name));

describe('the metrics that alerts and dashboards read', () => {
  it('are told apart from the words around them, or these tests would see nothing', () => {
    const names = (expression: string) => metricNames(expression).toSorted();
    expect(names('sum by (le, job) (rate(a_total{b="c_d",e=~"f"}[5m])) / on () group_left () max(g:h) > 0.3')).toEqual([
      'a_total',
      'g:h',
    ]);
    expect(names('absent(up{job="x"}) or histogram_quantile(0.9, a_bucket and on (instance) b)')).toEqual([
      'a_bucket',
      'b',
    ]);
    expect(
      unknownIn('rate(fleet_turn_total[5m]) + temporal_worker_task_slot_used + rate(fleet_turns_total[1m])'),
    ).toEqual(['fleet_turn_total', 'temporal_worker_task_slot_used']);
  });

  it.each(rules.map(({ alert, expr }): [string, string] => [alert, expr]))('exist: alert %s', (_, expr) => {
    expect(metricNames(expr)).not.toEqual([]);
    expect(unknownIn(expr)).toEqual([]);
  });

  it.each(queries)('exist: panel %s: %s', (_, expr) => {
    expect(metricNames(expr)).not.toEqual([]);
    expect(unknownIn(expr)).toEqual([]);
  });

  it('exist: autoscaling of the chart', () => {
    const chart = read('deploy/helm/muster/templates/autoscaling.yaml');
    const names = [...new Set(chart.match(/\b(?:temporal|fleet)_\w+/g))];
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !own.has(name) && !sdk.has(name))).toEqual([]);
  });

  it('are asked by labels they have', () => {
    const labels = labelsOf(exposition);
    const asked = [...rules.map(({ expr }) => expr), ...queries.map(([, expr]) => expr)].flatMap((expr) =>
      [...expr.matchAll(/\b(fleet_\w+)\{([^}]*)\}/g)].flatMap(([, name = '', matchers = '']) =>
        [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => [name, label] as const),
      ),
    );
    expect(asked.length).toBeGreaterThan(20);
    const base = (name: string): string => (labels.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, ''));
    const wrong = asked.filter(([name, label]) => label !== 'job' && !labels.get(base(name))?.has(label));
    expect(wrong).toEqual([]);
  });
});

/** Labels by metric: from its series where it has some, else from what `prometheus.ts` declares. */
function labelsOf(text: string): Map<string, Set<string>> {
  const labels = new Map<string, Set<string>>();
  for (const [, name = '', within = ''] of text.matchAll(/^(fleet_\w+?)(?:\{(.*)\})? \S+$/gm)) {
    const known = labels.get(name) ?? new Set<string>();
    for (const [, label = ''] of within.matchAll(/(\w+)="/g)) known.add(label);
    labels.set(name, known);
  }
  const declared = read('activities/observe/prometheus.ts');
  for (const [, name = '', list = ''] of declared.matchAll(
    /'(fleet_\w+)'(?:(?!'fleet_)[^;])*?\[((?:\s*'\w+',?)+\s*)\]/g,
  ))
    labels.set(
      name,
      new Set([...(labels.get(name) ?? []), ...[...list.matchAll(/'(\w+)'/g)].map(([, label = '']) => label)]),
    );
  return labels;
}

const promtool = spawnSync('promtool', ['--version']).status === 0;
if (!promtool) console.warn('SKIPPED: promtool is missing (Debian: prometheus): alert rules and queries are not tried');

describe.skipIf(!promtool)('alert rules, by promtool', () => {
  it('are valid', () => {
    expect(
      execFileSync('promtool', ['check', 'rules', 'deploy/prometheus/alerts.yaml'], { cwd: root }).toString(),
    ).toContain(`${rules.length.toString()} rules found`);
  });

  it('fire in their case and not beside it', () => {
    const told = spawnSync('promtool', ['test', 'rules', 'alerts.test.yaml'], { cwd: join(root, 'deploy/prometheus') });
    expect(told.stdout.toString() + told.stderr.toString()).toContain('SUCCESS');
    expect(told.status).toBe(0);
  });

  it('and queries of the dashboard are PromQL', () => {
    const directory = mkdtempSync(join(tmpdir(), 'muster-promql-'));
    const asRules = queries.map(([, expr], i) => ({
      record: `query:${i.toString()}`.replace(':', '_'),
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '6h').replaceAll('$job', '.*'),
    }));
    writeFileSync(join(directory, 'queries.yaml'), JSON.stringify({ groups: [{ name: 'queries', rules: asRules }] }));
    try {
      const told = spawnSync('promtool', ['check', 'rules', join(directory, 'queries.yaml')]);
      expect(told.stderr.toString() + told.stdout.toString()).toContain(`${queries.length.toString()} rules found`);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('every alert', () => {
  const tests = (parse(read('deploy/prometheus/alerts.test.yaml')) as AlertTests).tests;

  it.each(rules.map(({ alert }) => alert))('is tried in its case and beside it: %s', (alert) => {
    const firing = tests.filter(({ promql_expr_test: [test] }) =>
      test?.exp_samples.some(({ labels }) => labels === `{alertname="${alert}"}`),
    );
    const quiet = tests.filter(
      ({ name, promql_expr_test: [test] }) => name.startsWith(`beside ${alert}`) && test?.exp_samples.length === 0,
    );
    expect([firing.length > 0, quiet.length > 0]).toEqual([true, true]);
  });

  it.each(rules.map(({ alert }) => alert))('has its part of the runbook: %s', (alert) => {
    expect(read('deploy/runbook.md')).toMatch(new RegExp(`^### ${alert}$`, 'm'));
  });

  it.each(rules)('says how bad it is, what it means and what to do: $alert', ({ labels, annotations }) => {
    expect(['critical', 'warning', 'info']).toContain(labels['severity']);
    expect(annotations).toMatchObject({ summary: expect.any(String), description: expect.stringMatching(/.{40}/) });
  });
});

describe('the table of metrics in the README', () => {
  it('names each metric of ours, its labels, and nothing else', () => {
    const labels = labelsOf(exposition);
    const rows = [...read('README.md').matchAll(/^\| `(fleet_\w+)(?:\{([\w, ]+)\})?`/gm)];
    const told = rows.map(([, name = '', list = '']) => [name, list.split(/, ?/).filter(Boolean).toSorted()]);
    const real = [...new Set([...own].filter((name) => name.startsWith('fleet_')).map(baseOf))].map((name) => [
      name,
      [...(labels.get(name) ?? [])].filter((label) => label !== 'le').toSorted(),
    ]);
    const inOrder = (table: typeof told) => Object.fromEntries(table) as Record<string, unknown>;
    expect(inOrder(told)).toEqual(inOrder(real));
  });
});

describe('the dashboard', () => {
  it('has what Grafana needs to load it: uid, schema version, a datasource to choose', () => {
    expect(dashboard.uid).toMatch(/^[\w-]{1,40}$/);
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
    expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    const variables = new Set([...dashboard.templating.list.map(({ name }) => name), '__rate_interval', '__range']);
    const used = queries.flatMap(([, expr]) => [...expr.matchAll(/\$(\w+)/g)].map(([, name = '']) => name));
    expect(used.filter((name) => !variables.has(name))).toEqual([]);
  });

  it('has panels of ids of their own, that do not overlap, each on the chosen datasource', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${(x + (i % w)).toString()},${(y + Math.floor(i / w)).toString()}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
    const sources = panels.filter(({ type }) => type !== 'row').flatMap(({ targets = [] }) => targets);
    expect(sources.length).toBe(queries.length);
    const chosen = { type: 'prometheus', uid: '${datasource}' };
    expect(sources.every(({ datasource }) => JSON.stringify(datasource) === JSON.stringify(chosen))).toBe(true);
  });

  it('shows every metric of ours', () => {
    const read = new Set(queries.flatMap(([, expr]) => metricNames(expr)).map(baseOf));
    const ours = new Set([...own].filter((name) => name.startsWith('fleet_')).map(baseOf));
    expect([...ours].filter((name) => !read.has(name))).toEqual([]);
  });
});

const baseOf = (series: string): string => series.replace(/_(?:bucket|sum|count)$/, '');
