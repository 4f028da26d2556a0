import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, bundleWorkflowCode, type WorkflowBundleOption } from '@temporalio/worker';
import { FAILURE_CONVERTER } from '../activities/encryption/data-converter.ts';

/** Beside the built files of an installed package. */
const prebuilt = (isEncrypted: boolean): string =>
  fileURLToPath(new URL(isEncrypted ? '../workflow-bundle-encrypted.js' : '../workflow-bundle.js', import.meta.url));
const WORKFLOWS = fileURLToPath(new URL('../workflows/', import.meta.url));

/** What every bundle of the workflows is made of. */
export const BUNDLED = {
  workflowsPath: join(WORKFLOWS, 'index.ts'),
  workflowInterceptorModules: [join(WORKFLOWS, 'tracing.ts')],
};

/**
 * The workflows as one file: prebuilt in an installed package; in a checkout bundled once per content and kept in
 * `cacheDirectory`, since bundling takes seconds. With `isEncrypted`, what workflows fail with is a payload too. Safe for
 * two processes at once.
 */
export async function workflowBundle(cacheDirectory: string, isEncrypted = false): Promise<WorkflowBundleOption> {
  if (import.meta.url.endsWith('.js')) return { codePath: prebuilt(isEncrypted) };
  const codePath = join(cacheDirectory, `workflow-bundle-${await contentHash(isEncrypted)}.js`);
  const isThere = await readFile(codePath).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const { code } = await bundleWorkflowCode({
      ...BUNDLED,
      logger: new DefaultLogger('ERROR'),
      ...(isEncrypted && { failureConverterPath: FAILURE_CONVERTER }),
    });
    await mkdir(cacheDirectory, { recursive: true });
    const aside = `${codePath}.${process.pid.toString()}`;
    await writeFile(aside, code);
    await rename(aside, codePath);
  }
  return { codePath };
}

async function contentHash(isEncrypted: boolean): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  const names = (await readdir(WORKFLOWS, { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  for (const name of names) hash.update(name).update(await readFile(join(WORKFLOWS, name)));
  if (isEncrypted) hash.update(await readFile(FAILURE_CONVERTER));
  return hash.digest('hex').slice(0, 16);
}
