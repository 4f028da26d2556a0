import fc from 'fast-check';
import ignore from 'ignore';
import { expect, test } from 'vitest';
import { allowsPart, coversCommand, parseCommand, seenByAllow } from '../../workflows/policy/command-pattern.ts';
import { readCommand } from '../../workflows/policy/command.ts';
import { coversPattern, parsePattern } from '../../workflows/policy/path-pattern.ts';
import { decide, type PermissionRequest } from '../../workflows/policy/permission.ts';
import { FUZZ_CASES, FUZZ_TIMEOUT_MS, runsOf } from './fuzz-cases.ts';

const name = fc.constantFrom('a', 'b', 'src', 'Src', 'x.ts', '.env', 'docs');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
const glob = fc.oneof(name, fc.constantFrom('*', '**', '*.ts', 's*', '[ab]', '?', '[!a]*'));
const pattern = fc
  .tuple(fc.constantFrom('', '/', './'), fc.array(glob, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '', '/'))
  .map(([start, parts, end]) => start + parts.join('/') + end)
  .filter((text) => text !== '*');
const patterns = fc.array(pattern, { maxLength: 3 });
const paths = fc.array(path, { minLength: 25, maxLength: 25 });
const rooted = (text: string): string => text.replace(/^\.\//, '');
const ignoring = (list: readonly string[], ignoreCase: boolean): ((file: string) => boolean) => {
  const rules = ignore({ ignoreCase }).add(list.map(rooted));
  return (file) => rules.ignores(file);
};

test(
  'a path is allowed exactly when gitignore patterns of the same words say so',
  () => {
    const seen = { allowed: 0, refused: 0 };
    fc.assert(
      fc.property(fc.constantFrom('Read', 'Edit'), paths, patterns, patterns, (tool, files, allow, deny) => {
        const rules = (list: string[]): string[] => list.map((text) => `${tool}(${text})`);
        const kind: PermissionRequest['kind'] = tool === 'Read' ? 'read' : 'edit';
        const grant = { allow: rules(allow), deny: rules(deny), mode: 'dontAsk' as const };
        // One segment before `**` is at any depth in a deny rule, and deny is blind to case.
        const loose = deny.map(rooted).map((text) => (/^[^/]+(\/\*\*)+\/?$/.test(text) ? `**/${text}` : text));
        const [isAllowed, isDenied] = [ignoring(allow, false), ignoring(loose, true)];
        return files.every((file) => {
          const decision = decide({ tool, kind, directory: '', paths: [file] }, grant);
          seen[decision.allow ? 'allowed' : 'refused']++;
          return decision.allow === (isAllowed(file) && !isDenied(file));
        });
      }),
      runsOf(25),
    );
    expect(Math.min(seen.allowed, seen.refused)).toBeGreaterThan(FUZZ_CASES / 20);
  },
  FUZZ_TIMEOUT_MS,
);

test(
  'a pattern that covers another covers every path of it',
  () => {
    let covered = 0;
    const many = fc.array(pattern, { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(many, paths, (texts, files) => {
        const read = texts.map((text) => ({ pattern: parsePattern(text), ignores: ignoring([text], false) }));
        return read.every((wide) =>
          read.every((narrow) => {
            if (!wide.pattern || !narrow.pattern || !coversPattern(wide.pattern, narrow.pattern)) return true;
            if (wide !== narrow) covered++;
            return files.every((file) => !narrow.ignores(file) || wide.ignores(file));
          }),
        );
      }),
      runsOf(100),
    );
    expect(covered).toBeGreaterThan(FUZZ_CASES / 50);
  },
  FUZZ_TIMEOUT_MS,
);

const word = fc.constantFrom('npm', 'tests', 'run', 'x', '-a', 'xnpm', 'lint.js');
const command = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
const commandPattern = fc
  .array(fc.oneof(word, fc.constantFrom('*', ' ', ' *', 'n*')), { minLength: 1, maxLength: 5 })
  .chain((parts) => fc.constantFrom('', ' *', ':*', '*').map((end) => parts.join(fcJoin(parts)) + end))
  .filter((text) => parseCommand(text) !== undefined);

/** Blanks between some of the pieces, the same for the same pieces. */
function fcJoin(parts: readonly string[]): string {
  return parts.length % 2 === 0 ? '' : ' ';
}

/** A naive reading of the rule: a regular expression. */
function oracle(text: string): RegExp {
  const trimmed = text.trim().replace(/:\*+$/, ' *').trim();
  const escape = (part: string): string => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const open = / \*+$/.exec(trimmed);
  const body = (open ? trimmed.slice(0, open.index) : trimmed.includes('*') ? trimmed : trimmed.replace(/ +/g, ' '))
    .split(/\*+/)
    .map(escape)
    .join('[^]*');
  return new RegExp(`^${body}${open ? '(?: [^]*)?' : ''}$`);
}

const commands = fc.array(command, { minLength: 10, maxLength: 10 });

test(
  'a command is allowed exactly when a regular expression of the same rule matches it',
  () => {
    const seen = { allowed: 0, refused: 0 };
    fc.assert(
      fc.property(commands, fc.array(commandPattern, { minLength: 1, maxLength: 3 }), (texts, rules) => {
        const grant = { allow: rules.map((rule) => `Bash(${rule})`), deny: [], mode: 'dontAsk' as const };
        const oracles = rules.map(oracle);
        return texts.every((text) => {
          const decision = decide({ tool: 'Bash', kind: 'command', directory: '', paths: [], command: text }, grant);
          seen[decision.allow ? 'allowed' : 'refused']++;
          return decision.allow === oracles.some((matches) => matches.test(text));
        });
      }),
      runsOf(10),
    );
    expect(Math.min(seen.allowed, seen.refused)).toBeGreaterThan(FUZZ_CASES / 20);
  },
  FUZZ_TIMEOUT_MS,
);

const wrapped = fc
  .tuple(fc.constantFrom('', 'timeout 5 ', 'nohup ', 'CI=1 ', 'A=1 ', 'watch '), command)
  .map((parts) => parts.join(''));

test(
  'a command pattern that covers another allows every command of it',
  () => {
    let covered = 0;
    const rules = fc.array(fc.oneof(commandPattern, wrapped), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(rules, fc.array(wrapped, { minLength: 5, maxLength: 5 }), (texts, drawn) => {
        // Besides what was drawn: commands that fit the rules.
        const made = texts.flatMap((text) => {
          const open = text.replace(/:\*+$/, ' *');
          return [open.replaceAll('*', 'x y'), open.replaceAll('*', ''), `nohup ${open.replaceAll('*', '-a')}`];
        });
        const parts = [...drawn, ...made].flatMap((text) => {
          const reading = readCommand(text);
          return 'parts' in reading ? reading.parts.map(seenByAllow) : [];
        });
        const patternsRead = texts.map((text) => parseCommand(text)!);
        return patternsRead.every((wide) =>
          patternsRead.every((narrow) => {
            if (!coversCommand(wide, narrow)) return true;
            if (wide !== narrow) covered++;
            return parts.every((part) => !allowsPart(narrow, part) || allowsPart(wide, part));
          }),
        );
      }),
      runsOf(100),
    );
    expect(covered).toBeGreaterThan(FUZZ_CASES / 200);
  },
  FUZZ_TIMEOUT_MS,
);
