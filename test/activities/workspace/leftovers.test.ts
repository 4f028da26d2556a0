import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { CheckoutKind } from '../../../activities/workspace/checkouts.ts';
import { mayMount } from '../../../activities/workspace/mounts.ts';
import { WorkspaceTooLarge } from '../../../activities/workspace/workspace.ts';
import { Bench, contents } from './git-fixture.ts';
import { bench, FILES, patchText, snapshot, workspacesOf } from './workspace-fixture.ts';

const scratch = new Bench();
const kinds: CheckoutKind[] = (await mayMount(scratch.path('mount'))) ? ['overlay', 'git'] : ['git'];
scratch.close();

/** Every file and link by find, for `readdir` follows links here and there. */
const listing = (root: string): string =>
  execFileSync(
    'bash',
    ['-c', 'find . ! -type d -printf "%P %l %y %m\\n" | sort; find . -type f -print0 | sort -z | xargs -0 md5sum'],
    {
      cwd: root,
      encoding: 'latin1',
    },
  );
const bash = (cwd: string, script: string) => execFileSync('bash', ['-c', script], { cwd });

for (const kind of kinds) {
  describe(`what a shell leaves in a workspace, by ${kind}`, () => {
    it('is kept where git can hold it, and comes back byte for byte', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspaces = workspacesOf(kind);
      const workspace = await workspaces.open(source);
      bash(
        workspace.root,
        String.raw`printf 1 > $'new\nline'; printf 2 > $'\xff\xfe bytes'; printf 3 > ' -rf "quoted" \back'
        ln -s loop2 loop1; ln -s loop1 loop2; ln -s . src/self; ln -s /etc/passwd abroad; ln -s ../../.. up
        printf 4 > first; ln first second; printf '#!/bin/sh' > run; chmod 755 run; chmod 644 src/run.sh
        rm a.txt; mkdir a.txt; printf 5 > a.txt/in; rm -r src/deep; printf 6 > src/deep; mkdir -p empty/dirs`,
      );
      const patch = await workspace.save();
      const again = await workspaces.open(source, { patch });
      expect(listing(again.root)).toBe(listing(workspace.root));
      expect(lstatSync(join(again.root, 'second')).nlink).toBe(1);
      expect(await again.save()).toBe(patch);
    });

    it('is left out where it is no file: FIFOs, sockets, and what they replaced is gone', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspaces = workspacesOf(kind);
      const workspace = await workspaces.open(source);
      bash(
        workspace.root,
        'mkfifo pipe src/pipe; rm a.txt; mkfifo a.txt; rm -r src/deep; mkfifo src/deep; echo x > b.txt',
      );
      const server = spawn('node', ['-e', 'require("net").createServer().listen("sock", () => console.log("on"))'], {
        cwd: workspace.root,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(server.stdout, 'data');
      try {
        expect((await workspace.changes())?.files.sort()).toEqual(['a.txt', 'b.txt', 'src/deep/er.ts']);
      } finally {
        server.kill('SIGKILL');
      }
    });

    it('is read though its owner has closed it, and goes away with the workspace', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspace = await workspacesOf(kind).open(source);
      bash(workspace.root, 'mkdir -p shut/deep; echo x > shut/deep/file; chmod 000 shut/deep/file shut/deep shut');
      expect((await workspace.changes())?.files).toEqual(['shut/deep/file']);
      await workspace.close();
      expect(() => lstatSync(workspace.root)).toThrow(/ENOENT/);
    });

    it('is refused with the reason where it is too much, and never read into memory', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspace = await workspacesOf(kind).open(source);
      const at = (path: string) => join(workspace.root, path);
      const refused = async (reason: RegExp): Promise<void> => {
        const saving = workspace.save();
        await expect(saving).rejects.toThrow(reason);
        await expect(saving).rejects.toThrow(WorkspaceTooLarge);
      };
      writeFileSync(at('sparse'), '');
      truncateSync(at('sparse'), 2 ** 40);
      await refused(/sparse is larger than 100 MiB; remove it/);
      writeFileSync(at('.gitignore'), 'sparse\n');
      expect((await workspace.changes())?.files).toEqual(['.gitignore']);
      for (let i = 0; i < 11; i++) {
        writeFileSync(at(`part${i.toString()}`), '');
        truncateSync(at(`part${i.toString()}`), 100 * 1_048_576);
      }
      await refused(/110\d MiB, more than 1024 MiB/);
      bash(workspace.root, 'rm part*');
      mkdirSync(at('d/'.repeat(300)), { recursive: true });
      await refused(/too deep .* below d\/d\/d/);
      writeFileSync(at('.gitignore'), 'sparse\nd/\n');
      expect((await workspace.changes())?.files).toEqual(['.gitignore']);
    });

    it('goes away though its paths are longer than the system takes', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspace = await workspacesOf(kind).open(source);
      const name = 'd'.repeat(200);
      bash(workspace.root, `for i in $(seq 50); do mkdir ${name} && cd -P ${name} || exit 1; done; chmod 000 .`);
      await expect(workspace.save()).rejects.toThrow(WorkspaceTooLarge);
      await workspace.close();
      expect(() => lstatSync(workspace.root)).toThrow(/ENOENT/);
    });

    it('may still be written to by a process while it is saved and closed', { timeout: 20_000 }, async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspaces = workspacesOf(kind);
      const workspace = await workspaces.open(source);
      const script = `echo on; while :; do for i in 1 2 3 4 5; do
          printf '%0999999d' $i > busy$i; mv busy$i src/busy$i; rm -rf dir; mkdir dir; echo $i > dir/f$i; done; done`;
      const writer = spawn('bash', ['-c', script], {
        cwd: workspace.root,
        stdio: ['ignore', 'pipe', 'ignore'],
        detached: true,
      });
      try {
        await once(writer.stdout, 'data');
        for (let i = 0; i < 3; i++) {
          const patch = await workspace.save();
          const again = await workspaces.open(source, { patch });
          expect(readFileSync(join(again.root, 'b.txt'), 'utf8')).toBe('b\n');
          await again.close();
        }
        await workspace.close();
      } finally {
        process.kill(-(writer.pid ?? 0), 'SIGKILL');
      }
    });

    it('leads no save outside, however fast a directory and a link change places', { timeout: 20_000 }, async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspace = await workspacesOf(kind).open(source);
      const outside = bench.files('outside', { file: 'canary-51b7', 'deep/file': 'canary-51b7' });
      bash(workspace.root, `mkdir -p one/deep; echo in > one/file; echo in > one/deep/file; ln -s ${outside} two`);
      const swap = `const fs = require('fs'); console.log('on');
        for (;;) { fs.renameSync('one', 'three'); fs.renameSync('two', 'one'); fs.renameSync('three', 'two'); }`;
      const swapper = spawn(process.execPath, ['-e', swap], {
        cwd: workspace.root,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let seen = 0;
      try {
        await once(swapper.stdout, 'data');
        for (let i = 0; i < 25; i++) {
          writeFileSync(join(workspace.root, 'a.txt'), i.toString());
          const text = await patchText((await workspace.save()) ?? '');
          expect(text).not.toContain('canary');
          if (text.includes('+in')) seen++;
        }
      } finally {
        swapper.kill('SIGKILL');
        await once(swapper, 'close');
      }
      expect(seen).toBeGreaterThan(0);
      expect(contents(outside)).toEqual({ 'file file': 'canary-51b7', 'file deep/file': 'canary-51b7' });
    });
  });
}

describe.skipIf(process.getuid?.() !== 0)('a worker that is not root (needs root to become another)', () => {
  it('reads what a shell has closed to it, and removes it', async () => {
    const script = fileURLToPath(new URL('unprivileged.ts', import.meta.url));
    const child = spawn(process.execPath, [script], {
      uid: 65_534,
      gid: 65_534,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
    expect(JSON.parse(output)).toEqual({ files: ['a.txt', 'shut/deep/file'], isGone: true });
  });
});
