import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';
import { BUNDLED } from '../workers/workflow-bundle.ts';

/** The published package: JavaScript of every room but test and deploy, and the workflows as one prebuilt bundle. */
const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}/dist`;

rmSync(dist, { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', `${root}/tsconfig.build.json`], { stdio: ['ignore', 2, 2] });
cpSync(`${root}/client/spec/init-templates`, `${dist}/client/spec/init-templates`, { recursive: true });
const failureConverterPath = `${root}/activities/encryption/failure-converter.ts`;
for (const [name, more] of [
  ['workflow-bundle', {}],
  ['workflow-bundle-encrypted', { failureConverterPath }],
] as const) {
  const { code } = await bundleWorkflowCode({
    ...BUNDLED,
    logger: new DefaultLogger('ERROR'),
    ...more,
  });
  writeFileSync(`${dist}/${name}.js`, code);
}
