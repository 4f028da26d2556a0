import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadFleet } from '../../../client/spec/load.ts';
import type { FileSource } from '../../../client/spec/load.ts';
import { formatFault, InvalidFleet } from '../../../client/spec/plan.ts';
import type { FleetPlan } from '../../../client/spec/plan.ts';

/** A temporary directory with files, in which fleets are loaded; removed when disposed. */
export class FleetDirectory implements Disposable {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'muster-spec-')));

  constructor(files: Record<string, string> = {}) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name: string, text: string): void {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(path, text);
    else mkdirSync(path, { recursive: true });
  }

  list(): string[] {
    return readdirSync(this.path, { recursive: true }).map(String).sort();
  }

  load(text: string, more: Partial<FileSource> & { as?: string } = {}): Promise<FleetPlan> {
    const { as = 'fleet.yaml', ...rest } = more;
    this.write(as, text);
    return loadFleet({
      source: as,
      cwd: this.path,
      params: {},
      overrides: {},
      knownModels: (model) =>
        model.startsWith('claude-') ? true : model.startsWith('cl') ? 'claude-sonnet-5-5' : false,
      ...rest,
    });
  }

  /** The faults of a file as the command line prints them; throws when it has none. */
  async faults(text: string, more: Partial<FileSource> & { as?: string } = {}): Promise<string[]> {
    try {
      await this.load(text, more);
    } catch (error) {
      if (error instanceof InvalidFleet) return error.faults.map(formatFault);
      throw error;
    }
    throw new Error('the fleet is valid');
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
