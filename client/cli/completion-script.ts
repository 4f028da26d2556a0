import type { Command } from 'commander';
import type { Shell } from './commands/completion.ts';
import { shellQuoted } from './figures.ts';
import { createProgram } from './program.ts';

interface Completed {
  name: string;
  description: string;
  flags: { long: string; description: string }[];
  /** Its first argument is a fleet, which `@latest` stands for; else a file. */
  takesFleet: boolean;
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
  const flags = command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, description }) => (long ? [{ long, description }] : []));
  const takesFleet = command.registeredArguments[0]?.name() === 'id';
  return { name: command.name(), description: command.summary() || command.description(), flags, takesFleet };
}

function bash(commands: readonly Completed[]): string {
  const cases = commands.map(({ name, flags, takesFleet }) => {
    const words = [...flags.map(({ long }) => long), ...(takesFleet ? ['@latest'] : [])].join(' ');
    return `    ${name}) words=${shellQuoted(words)} ;;`;
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
  const cases = commands.map(({ name, flags, takesFleet }) => {
    const specs = flags.map(({ long, description }) =>
      shellQuoted(`${long}[${description.replace(/[[\]:]/g, '\\$&')}]`),
    );
    const argument = takesFleet ? shellQuoted('1:fleet:(@latest)') : shellQuoted('1:file:_files');
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
  const lines = commands.flatMap(({ name, description, flags, takesFleet }) => [
    `complete -c muster -n __fish_use_subcommand -f -a ${name} -d ${fishQuoted(description)}`,
    ...flags.map(
      ({ long, description: text }) =>
        `complete -c muster -n '__fish_seen_subcommand_from ${name}' -l ${long.slice(2)} -d ${fishQuoted(text)}`,
    ),
    ...(takesFleet ? [`complete -c muster -n '__fish_seen_subcommand_from ${name}' -f -a @latest`] : []),
  ]);
  return `# fish completion of muster\n${lines.join('\n')}\n`;
}

const fishQuoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
