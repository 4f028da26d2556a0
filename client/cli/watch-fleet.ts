import type { OutputFormat } from './output-format.ts';
import { follow } from './follow.ts';
import { Interrupts } from './interrupts.ts';
import { openMuster, openSettings } from './session.ts';

export interface WatchFlags {
  format: OutputFormat;
  untilMs: number | undefined;
  cursor: string | undefined;
  quiet: boolean | undefined;
  input: boolean | undefined;
}

/** The whole of `muster watch`; resolves with the exit code. */
export async function watchFleet(id: string, { quiet, input, ...options }: WatchFlags): Promise<number> {
  using interrupts = new Interrupts();
  const settings = openSettings({ quiet, input });
  await using muster = openMuster(settings);
  return await follow(settings.terminal, await muster.fleet(id), { ...options, interrupts, ci: settings.config.ci });
}
