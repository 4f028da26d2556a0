import { diagnose } from '../../local/doctor/diagnose.ts';
import type { Check } from '../../local/doctor/check.ts';
import type { Register } from '../context.ts';
import { PLAIN_FORMATS, type PlainFormat } from '../output-format.ts';
import type { Paint } from '../paint.ts';
import { openSettings } from '../session.ts';
import { oneOf } from '../values.ts';

export const register: Register = (program) => {
  program
    .command('doctor')
    .summary('check what muster needs, and say how to mend it')
    .description(
      'Checks what muster needs and says how to mend what is missing. Starts nothing. Exit 1 when a need fails.',
    )
    .option('--output-format <format>', 'text or json', oneOf(PLAIN_FORMATS), 'text')
    .action(async ({ outputFormat }: { outputFormat: PlainFormat }) => {
      const { config, terminal } = openSettings();
      const checks = await diagnose(config);
      const isOk = checks.every(({ status }) => status !== 'failed');
      terminal.data(
        outputFormat === 'json' ? `${JSON.stringify({ ok: isOk, checks }, null, 2)}\n` : asText(checks, terminal.paint),
      );
      if (!isOk) process.exitCode = 1;
    });
};

function asText(checks: readonly Check[], paint: Paint): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const marks = { ok: paint.green('ok     '), warning: paint.yellow('warning'), failed: paint.red('failed ') };
  const indent = ' '.repeat(width + 10);
  return checks
    .map(({ name, status, detail, hint }) => {
      const line = `${marks[status]}  ${name.padEnd(width)} ${detail.replaceAll('\n', `\n${indent}`)}\n`;
      return hint === undefined ? line : `${line}${indent}${paint.dim('→')} ${hint}\n`;
    })
    .join('');
}
