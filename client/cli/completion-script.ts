import type { Command } from 'commander';
import type { Shell } from './commands/completion.ts';
import { shellQuoted } from './figures.ts';
import { createProgram } from './program.ts';

interface Completed {
  name: string;
  description: string;
  flags: { long: string; description: string }[];
  /** What its first argument may be, where that is no file: `@latest` for a fleet, or the commands below it. */
  words: string[];
}

/** A script that completes commands, flags, `@latest` and files. It is made from the program, so it knows what that knows. */
export async function completionScript(shell: Shell): Promise<string> {
  const program = await createProgram([], { isWhole: true });
  const commands = program.commands.map(completed);
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return zsh(commands);
    case 'fish':
      return fish(commands);
  }
}

function completed(command: Command): Completed {
  const flags = flagsOf(command);
  const below = command.commands.map((one) => one.name());
  const words = command.registeredArguments[0]?.name() === 'id' ? ['@latest'] : below;
  return { name: command.name(), description: command.summary() || command.description(), flags, words };
}

/** Its own, and once each those of the commands below it. */
function flagsOf(command: Command): Completed['flags'] {
  const own = command.createHelp().visibleOptions(command);
  const all = [...own, ...command.commands.flatMap((below) => below.createHelp().visibleOptions(below))];
  const flags = all.flatMap(({ long, description }) => (long ? [{ long, description }] : []));
  return [...new Map(flags.map((flag) => [flag.long, flag])).values()];
}

function bash(commands: readonly Completed[]): string {
  const cases = commands.map(({ name, flags, words }) => {
    const known = [...flags.map(({ long }) => long), ...words].join(' ');
    return `    ${name}) words=${shellQuoted(known)} ;;`;
  });
  return `# bash completion of muster
_muster() {
  local current=\${COMP_WORDS[COMP_CWORD]} words
  if ((COMP_CWORD == 1)); then
    words=${shellQuoted(commands.map(({ name }) => name).join(' '))}
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    *) words='' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  [[ $current == -* ]] || mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
}
complete -o filenames -F _muster muster
`;
}

function zsh(commands: readonly Completed[]): string {
  const described = commands.map(
    ({ name, description }) => `    ${shellQuoted(`${name}:${description.replaceAll(':', '\\:')}`)}`,
  );
  const cases = commands.map(({ name, flags, words }) => {
    const specs = flags.map(({ long, description }) =>
      shellQuoted(`${long}[${description.replace(/[[\]:]/g, '\\$&')}]`),
    );
    const argument = shellQuoted(words.length > 0 ? `1:argument:(${words.join(' ')})` : '1:file:_files');
    return `    ${name}) _arguments ${[...specs, argument, shellQuoted('*:argument:_files')].join(' ')} ;;`;
  });
  return `#compdef muster
_muster() {
  local -a commands=(
${described.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join('\n')}
  esac
}
compdef _muster muster
`;
}

function fish(commands: readonly Completed[]): string {
  const lines = commands.flatMap(({ name, description, flags, words }) => [
    `complete -c muster -n __fish_use_subcommand -f -a ${name} -d ${fishQuoted(description)}`,
    ...flags.map(
      ({ long, description: text }) =>
        `complete -c muster -n '__fish_seen_subcommand_from ${name}' -l ${long.slice(2)} -d ${fishQuoted(text)}`,
    ),
    ...(words.length > 0
      ? [`complete -c muster -n '__fish_seen_subcommand_from ${name}' -f -a ${fishQuoted(words.join(' '))}`]
      : []),
  ]);
  return `# fish completion of muster\n${lines.join('\n')}\n`;
}

const fishQuoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
