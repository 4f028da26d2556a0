import { diagnose } from '../../local/doctor/diagnose.ts';
import type { Check } from '../../local/doctor/check.ts';
import { configuration, type Setting } from '../../local/doctor/configuration.ts';
import type { Register } from '../context.ts';
import { PLAIN_FORMATS, type PlainFormat } from '../output-format.ts';
import type { Paint } from '../paint.ts';
import { openSettings } from '../session.ts';
import { oneOf } from '../values.ts';

export const register: Register = (program) => {
  program
    .command('doctor')
    .summary('say what muster would use, check what it needs, and how to mend it')
    .description(
      'Prints the configuration muster would use and where each value comes from, secrets hidden; checks what it needs and ' +
        'says how to mend what is missing. Starts nothing. Exit 1 when a need fails.',
    )
    .option('--output-format <format>', 'text or json', oneOf(PLAIN_FORMATS), 'text')
    .action(async ({ outputFormat }: { outputFormat: PlainFormat }) => {
      const { config, terminal } = openSettings();
      const settings = configuration(config, process.cwd());
      const checks = await diagnose(config);
      const isOk = checks.every(({ status }) => status !== 'failed');
      terminal.data(
        outputFormat === 'json'
          ? `${JSON.stringify({ ok: isOk, configuration: settings, checks }, null, 2)}\n`
          : `${settingsText(settings, terminal.paint)}\n${asText(checks, terminal.paint)}`,
      );
      if (!isOk) process.exitCode = 1;
    });
};

function settingsText(settings: readonly Setting[], paint: Paint): string {
  const width = Math.max(...settings.map(({ key }) => key.length));
  return settings.map(({ key, value, from }) => `${key.padEnd(width)}  ${value} ${paint.dim(`(${from})`)}\n`).join('');
}

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
