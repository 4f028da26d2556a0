import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A package as npm leaves it; `files` beside its package.json. */
export interface FakePackage {
  version: string;
  files: Record<string, string>;
  os?: string[];
}

/** Writes a `node_modules` as `npm ci` would, keyed by path (`a`, `@s/b`, `a/node_modules/c`); returns its path. */
export async function install(root: string, packages: Record<string, FakePackage>): Promise<string> {
  const modules = join(root, 'node_modules');
  const locked: Record<string, object> = {};
  for (const [path, { version, files, os }] of Object.entries(packages)) {
    locked[`node_modules/${path}`] = { version, ...(os && { os }) };
    const manifest = JSON.stringify({ name: path, version });
    for (const [file, text] of Object.entries({ 'package.json': manifest, ...files })) {
      await mkdir(dirname(join(modules, path, file)), { recursive: true });
      await writeFile(join(modules, path, file), text);
    }
  }
  await writeFile(join(modules, '.package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages: locked }));
  return modules;
}

/** Long enough to be worth a repository. */
export const source = (text = ''): string => `${text}\n${'// a line of a comment\n'.repeat(120)}`;
