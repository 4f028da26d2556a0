import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Everything in a repository that makes git run a program (reference/security.md §4, 45 to 53, 60), each told to leave
 * `marker`. Written as files, so that no git runs while it is planted.
 */
export function plantEverything(root: string, marker: string): void {
  const put = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), mode);
  };
  const fire = (name: string): string => `sh -c 'echo ${name} >> ${marker}'`;
  put('.git/config', `${CORE}${configOf(fire)}[include]\n\tpath = more\n`);
  put(
    '.git/more',
    configOf((name) => fire(`included ${name}`)),
  );
  for (const hook of HOOKS) put(`.git/hooks/${hook}`, `#!/bin/sh\necho ${hook} >> ${marker}\n`, 0o755);
  put('.git/info/attributes', ATTRIBUTES);
  put('.git/objects/info/alternates', `${dirname(marker)}\n`);
  put('.gitattributes', ATTRIBUTES);
  put('.gitmodules', `[submodule "s"]\n\tpath = s\n\turl = ext::${fire('submodule')}\n`);
  put('s/.git', `gitdir: ../embedded.git\n`);
  put('s/file', 'in a directory with a redirect\n');
  for (const part of ['objects/pack', 'refs/heads']) mkdirSync(join(root, 'embedded.git', part), { recursive: true });
  put('embedded.git/HEAD', 'ref: refs/heads/main\n');
  put('embedded.git/config', `${CORE.replace('false', 'true')}${configOf((name) => fire(`embedded ${name}`))}`);
  for (const hook of HOOKS) put(`embedded.git/hooks/${hook}`, `#!/bin/sh\necho embedded >> ${marker}\n`, 0o755);
}

const CORE = '[core]\n\trepositoryformatversion = 0\n\tbare = false\n';
const ATTRIBUTES = '* filter=evil diff=evil merge=evil ident text working-tree-encoding=UTF-16\n';
const HOOKS = [
  ...['pre-commit', 'post-commit', 'commit-msg', 'prepare-commit-msg', 'post-checkout', 'post-merge', 'pre-push'],
  ...['reference-transaction', 'post-index-change', 'pre-auto-gc', 'post-rewrite', 'applypatch-msg', 'pre-applypatch'],
  ...['post-applypatch', 'fsmonitor-watchman', 'pre-receive', 'update', 'post-update', 'proc-receive', 'pre-rebase'],
];

/** One section after another, in git's own syntax. */
function configOf(fire: (name: string) => string): string {
  const sections: Record<string, Record<string, string>> = {
    core: {
      fsmonitor: fire('fsmonitor'),
      pager: fire('pager'),
      editor: fire('editor'),
      sshCommand: fire('ssh'),
      askPass: fire('askpass'),
      alternateRefsCommand: fire('alternates'),
      gitProxy: fire('proxy'),
    },
    'filter "evil"': { clean: fire('clean'), smudge: fire('smudge'), process: fire('process'), required: 'true' },
    'diff "evil"': { command: fire('diff'), textconv: fire('textconv') },
    diff: { external: fire('external') },
    'merge "evil"': { driver: fire('merge') },
    alias: Object.fromEntries(
      ['status', 'ls-files', 'apply', 'update-index', 'diff-index', 'rev-parse'].map((name) => [
        name,
        `!${fire(name)}`,
      ]),
    ),
    credential: { helper: `!${fire('credential')}` },
    gpg: { program: fire('gpg') },
    commit: { gpgSign: 'true' },
    'trailer "x"': { command: fire('trailer'), key: 'x' },
    uploadpack: { packObjectsHook: fire('pack-objects') },
    interactive: { diffFilter: fire('interactive') },
    'remote "origin"': { url: `ext::${fire('remote')}`, uploadpack: fire('uploadpack'), fetch: '+refs/*:refs/*' },
    'submodule "s"': { active: 'true', update: `!${fire('submodule')}`, url: `ext::${fire('submodule url')}` },
  };
  return Object.entries(sections)
    .map(([name, keys]) => {
      const lines = Object.entries(keys).map(([key, value]) => `\t${key} = ${JSON.stringify(value)}\n`);
      return `[${name}]\n${lines.join('')}`;
    })
    .join('');
}
