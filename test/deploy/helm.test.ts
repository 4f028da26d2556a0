import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { HAND_BACK_GRACE_MS } from '../../workflows/contract/limits.ts';
import { readVariables } from '../support/deploy-files.ts';
import { goBinary } from '../support/go-binary.ts';

const run = promisify(execFile);
const CHART = fileURLToPath(new URL('../../deploy/helm/muster', import.meta.url));
/** The schemas it is checked against; Helm itself assumes the version of the library it was built with. */
const KUBERNETES = '1.33';
const FULL = ['-f', join(CHART, 'ci/full-values.yaml')];
const KEY = `k1:${Buffer.alloc(32, 7).toString('base64')}`;
const VARIANTS: Record<string, string[]> = {
  'the defaults': [],
  'everything switched on': FULL,
  'credentials in the values': [
    ...[
      '--set',
      'claude.apiKey=sk-own,temporal.apiKey.value=key-own,artifacts.accessKeyId=a,artifacts.secretAccessKey=b',
    ],
    ...['--set', `encryption.keys=${KEY}`],
  ],
  'a horizontal autoscaler': [
    ...FULL,
    '--set',
    'workers.subagent.autoscaling.kind=hpa,claude.existingSecretKey=authToken',
  ],
};

const helm = goBinary('helm');
const validator = process.env['MUSTER_KUBERNETES_VALIDATE'] ?? 'kubernetes-validate';
const canValidate = await run(validator, ['--help']).then(
  () => true,
  () => false,
);

interface Resource {
  kind: string;
  metadata: { name: string; labels: Record<string, string> };
  data?: Record<string, string>;
  spec: {
    selector: { matchLabels: Record<string, string> } & Record<string, string>;
    replicas?: number;
    scaleTargetRef: { name: string };
    template: { metadata: { labels: Record<string, string> }; spec: Pod };
  };
}

interface Pod {
  serviceAccountName: string;
  hostUsers?: boolean;
  terminationGracePeriodSeconds: number;
  securityContext: { runAsNonRoot: boolean; runAsUser: number };
  containers: [Container];
  volumes: { name: string; secret?: { secretName: string; items?: { key: string }[] } }[];
}

interface Container {
  args: string[];
  env: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  ports: { name: string; containerPort: number }[];
  volumeMounts: { name: string; mountPath: string }[];
  securityContext: Record<string, unknown>;
  [probe: `${string}Probe`]: { httpGet: { path: string; port: string } };
}

describe.skipIf(!helm)(`the Helm chart${helm ? '' : ' (skipped: helm)'}`, () => {
  describe.each(Object.entries(VARIANTS))('with %s', (_, values) => {
    it('passes lint', async () => {
      const { stdout } = await run(helm!, ['lint', '--strict', ...version, CHART, ...values]);
      expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed');
    });

    it('renders workers that can run: selectors, secrets, probes, volumes and variables fit', async () => {
      const resources = await rendered(values);
      const deployments = resources.filter(({ kind }) => kind === 'Deployment');
      expect(deployments.map(({ spec }) => spec.template.spec.containers[0].args[2])).toEqual([
        'orchestrator',
        'subagent',
      ]);
      for (const deployment of deployments) checkDeployment(deployment, resources);
      for (const { kind, spec } of resources) {
        const wanted = kind === 'Service' ? spec.selector : kind === 'PodDisruptionBudget' && spec.selector.matchLabels;
        if (wanted) expect(deployments.filter((one) => fits(one.spec.template.metadata.labels, wanted)).length).toBe(1);
        if (kind === 'ScaledObject' || kind === 'HorizontalPodAutoscaler') {
          const target = deployments.find(({ metadata }) => metadata.name === spec.scaleTargetRef.name);
          expect([kind, target?.spec.replicas]).toEqual([kind, undefined]);
        }
      }
    });

    it.skipIf(!canValidate)(
      `fits the schemas of Kubernetes ${KUBERNETES}${canValidate ? '' : ' (skipped: kubernetes-validate)'}`,
      async () => {
        const directory = mkdtempSync(join(tmpdir(), 'muster-chart-'));
        try {
          const file = join(directory, 'all.yaml');
          writeFileSync(file, await template(values));
          const { stdout, stderr } = await run(validator, ['--strict', '-k', KUBERNETES, file]);
          const passed = `${stdout}${stderr}`.match(/passed for resource/g)?.length ?? 0;
          // KEDA's and Prometheus' own kinds are not Kubernetes'.
          const own = (await rendered(values)).filter(({ kind }) => !/^(Scaled|Trigger|ServiceMonitor)/.test(kind));
          expect(passed).toBe(own.length);
          writeFileSync(
            file,
            (await template(values)).replace('  replicas:', '  replica:').replace('minReplicas:', 'minReplica:'),
          );
          await expect(run(validator, ['--strict', '-k', KUBERNETES, file])).rejects.toThrow();
        } finally {
          rmSync(directory, { recursive: true });
        }
      },
    );
  });

  it.each([
    ['an unknown value', 'workers.subagent.slot=3', 'slot'],
    ['an address without a port', 'temporal.address=temporal', '/temporal/address'],
    ['less time than a drain takes', 'terminationGracePeriodSeconds=10', 'terminationGracePeriodSeconds'],
    ['a store that hosts do not share', 'artifacts.url=file:///data', '/artifacts/url'],
    ['a key that is none', 'encryption.keys=secret', '/encryption/keys'],
    ['half a credential', 'artifacts.accessKeyId=a', 'artifacts.secretAccessKey'],
    ['a scaler without its queue', 'workers.subagent.autoscaling.enabled=true', 'taskQueue'],
  ])('refuses %s', async (_, set, named) => {
    await expect(template(['--set', set])).rejects.toThrow(named);
  });
});

function checkDeployment({ spec }: Resource, all: readonly Resource[]): void {
  const pod = spec.template.spec;
  const [container] = pod.containers;
  const isSubagent = container.args[2] === 'subagent';
  expect(fits(spec.template.metadata.labels, spec.selector.matchLabels)).toBe(true);
  expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(HAND_BACK_GRACE_MS + 15_000);
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10_001 });
  expect(container.securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
    ...(isSubagent && {
      procMount: 'Unmasked',
      seccompProfile: { type: 'Localhost', localhostProfile: 'muster.json' },
    }),
  });
  // Kubernetes refuses the one without the other.
  expect(pod.hostUsers).toBe(isSubagent ? false : undefined);
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
    const { port, path } = container[probe]!.httpGet;
    expect([probe, container.ports.some(({ name }) => name === port)]).toEqual([probe, true]);
    expect(path).toMatch(/^\/(healthz|readyz)$/);
  }
  const isVersioned = container.env.some(({ name }) => name === 'TEMPORAL_WORKER_BUILD_ID');
  expect(container.args.slice(4)).toEqual([
    `0.0.0.0:${container.ports[0]!.containerPort}`,
    ...(isVersioned ? ['--make-current'] : []),
  ]);
  expect(container.volumeMounts.map(({ name }) => name)).toEqual(pod.volumes.map(({ name }) => name));
  expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toEqual(
    expect.arrayContaining(['/tmp', '/var/lib/muster']),
  );
  expect(all.some(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === pod.serviceAccountName)).toBe(
    true,
  );
  const known = readVariables();
  const names = container.env.map(({ name }) => name);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
  expect(names.some((name) => /^ANTHROPIC_(API_KEY|AUTH_TOKEN)$/.test(name))).toBe(isSubagent);
  const referred = [
    ...container.env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []),
    ...pod.volumes.flatMap(({ secret }) => (secret?.items ?? []).map(({ key }) => ({ name: secret!.secretName, key }))),
  ];
  // A secret is the user's own, or this release's; the one credential that may come later is Claude's.
  const own = all.find(({ kind }) => kind === 'Secret');
  for (const { name, key } of referred.filter(({ name }) => name === 'of-test-muster'))
    if (own || key !== 'claudeApiKey')
      expect([name, Object.keys(own?.data ?? {})]).toEqual([name, expect.arrayContaining([key])]);
  for (const { name, value } of container.env)
    if (/KEY|TOKEN|SECRET/.test(name) && !/_PATH|_FILE/.test(name)) expect(value).toBeUndefined();
}

const version = ['--kube-version', `${KUBERNETES}.0`];
const fits = (labels: Record<string, string>, wanted: Record<string, string>): boolean =>
  Object.entries(wanted).every(([name, value]) => labels[name] === value);

async function template(values: readonly string[]): Promise<string> {
  return (await run(helm!, ['template', 'of-test', CHART, ...version, ...values])).stdout;
}

async function rendered(values: readonly string[]): Promise<Resource[]> {
  return parseAllDocuments(await template(values)).flatMap((document) => (document.toJS() as Resource | null) ?? []);
}
