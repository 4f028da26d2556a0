import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { FLEET_SEARCH_ATTRIBUTES } from '../../workflows/contract/search-attributes.ts';
import { readVariables } from '../support/deploy-files.ts';
import { goBinary } from '../support/go-binary.ts';

const run = promisify(execFile);
const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url));
const FILE = join(DEPLOY, 'compose.yaml');

/** `docker compose`, as a plugin or alone; the Compose of Python, which Debian 12 has, knows none of today's format. */
const compose = await firstThatAnswers([['docker', 'compose'], [goBinary('docker-compose') ?? 'docker-compose']]);
const needs = compose ? '' : ' (skipped: docker compose)';

interface Service {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  ports?: { host_ip?: string; target: number }[];
  volumes?: { type: string; source: string; target: string }[];
  security_opt?: string[];
  cap_drop?: string[];
  read_only?: boolean;
  restart?: string;
  depends_on?: Record<string, { condition: string }>;
  deploy?: { resources: { limits: { memory: string } } };
  stop_grace_period?: string;
}

const SECRETS = { POSTGRES_PASSWORD: 'pg-secret', S3_SECRET_KEY: 's3-secret', ANTHROPIC_API_KEY: 'sk-secret' };

describe.skipIf(!compose)(`deploy/compose.yaml${needs}`, () => {
  it('is one database, one Temporal, one S3 server, two subagent workers and an orchestrator', async () => {
    const services = await configured();
    expect(Object.keys(services).sort()).toEqual(
      [
        'bucket',
        'namespace',
        'orchestrator',
        'postgres',
        's3',
        'schema',
        'subagent-1',
        'subagent-2',
        'temporal',
      ].sort(),
    );
    const roles = Object.values(services).flatMap(({ command }) => (command?.[0] === 'worker' ? command[2]! : []));
    expect(roles.sort()).toEqual(['orchestrator', 'subagent', 'subagent']);
  });

  it('listens on loopback alone, bounds memory, restarts what serves and mounts files that exist', async () => {
    for (const [name, service] of Object.entries(await configured())) {
      for (const { host_ip } of service.ports ?? []) expect([name, host_ip]).toEqual([name, '127.0.0.1']);
      for (const { type, source } of service.volumes ?? [])
        if (type === 'bind') expect([source, existsSync(source)]).toEqual([source, true]);
      const isOnce = service.restart === 'on-failure';
      if (!isOnce)
        expect([name, service.restart, service.deploy?.resources.limits.memory]).toEqual([
          name,
          'unless-stopped',
          expect.stringMatching(/^\d+$/),
        ]);
    }
  });

  it('hardens its workers and gives them only variables that a worker reads', async () => {
    const known = readVariables();
    const workers = Object.values(await configured()).filter(({ command }) => command?.[0] === 'worker');
    for (const { cap_drop, read_only, security_opt, environment, stop_grace_period, depends_on } of workers) {
      expect({ cap_drop, read_only, stop_grace_period }).toEqual({
        cap_drop: ['ALL'],
        read_only: true,
        stop_grace_period: '1m0s',
      });
      expect(security_opt).toEqual([
        'no-new-privileges:true',
        expect.stringMatching(/^seccomp[=:].*seccomp\/muster\.json$/),
        'systempaths=unconfined',
      ]);
      expect(Object.keys(environment!).filter((name) => !known.has(name))).toEqual([]);
      expect(depends_on?.['namespace']?.condition).toBe('service_completed_successfully');
    }
    // Who never calls Claude has no credential of it.
    const orchestrator = workers.find(({ command }) => command?.[2] === 'orchestrator');
    expect(Object.keys(orchestrator!.environment!).filter((name) => name.startsWith('ANTHROPIC'))).toEqual([]);
  });

  it.each(Object.keys(SECRETS).slice(0, 2))('starts nothing without %s', async (name) => {
    await expect(configured({ [name]: '' })).rejects.toThrow(name);
  });
});

it('switches on fairness, and registers what fleets are found by', () => {
  const dynamic = parse(readFileSync(join(DEPLOY, 'compose/dynamic-config.yaml'), 'utf8')) as Record<
    string,
    [{ value: unknown }]
  >;
  expect(dynamic['matching.enableFairness']![0].value).toBe(true);
  expect(dynamic['limit.maxIDLength']![0].value).toBe(255);
  expect(dynamic['frontend.namespaceRPS.visibility']![0].value).toBeGreaterThan(10);
  const script = readFileSync(join(DEPLOY, 'compose/prepare-temporal.sh'), 'utf8');
  const [, names] = /for name in ([\w ]+); do/.exec(script)!;
  expect(names!.split(' ')).toEqual(FLEET_SEARCH_ATTRIBUTES.map(({ name }) => name));
});

it('holds no secret', () => {
  const text = readFileSync(FILE, 'utf8');
  const values = [
    ...text.matchAll(
      /^\s+\w*(?:PASSWORD|PWD|SECRET_KEY|SECRET_ACCESS_KEY|API_KEY|AUTH_TOKEN|ENCRYPTION_KEYS): (.*)$/gm,
    ),
  ];
  expect(values.length).toBeGreaterThan(6);
  for (const [, value] of values) expect(value).toMatch(/^\$\{\w+:[-?][^}]*\}$/);
});

async function configured(more: Record<string, string> = {}): Promise<Record<string, Service>> {
  const [program, ...args] = compose!;
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...SECRETS, ...more };
  const { stdout } = await run(program!, [...args, '-f', FILE, 'config', '--format', 'json'], { env });
  return (JSON.parse(stdout) as { services: Record<string, Service> }).services;
}

async function firstThatAnswers(candidates: string[][]): Promise<string[] | undefined> {
  for (const candidate of candidates) {
    const [program, ...args] = candidate;
    const version = await run(program!, [...args, 'version', '--short']).catch(() => undefined);
    if (version && !version.stdout.startsWith('1.')) return candidate;
  }
  return undefined;
}
