import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Grant } from '../../workflows/contract/task.schema.ts';
import { attenuate, meet } from '../../workflows/policy/attenuation.ts';
import { decide, type PermissionRequest } from '../../workflows/policy/permission.ts';
import { FUZZ_CASES, FUZZ_TIMEOUT_MS, runsOf } from './fuzz-cases.ts';

const NAMES = ['a', 'b', 'src', 'x.ts'];
const path = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const pathPattern = fc
  .array(fc.constantFrom(...NAMES, '*', '**', '*.ts', 's*'), { minLength: 1, maxLength: 3 })
  .chain((parts) => fc.constantFrom('', '/').map((start) => start + parts.join('/')));
const command = fc
  .tuple(
    fc.constantFrom('', '', 'nohup ', 'timeout 5 ', 'CI=1 ', 'A=1 ', 'watch '),
    fc
      .array(fc.constantFrom('npm', 'test', 'run', 'ls', 'rm'), { minLength: 1, maxLength: 3 })
      .map((words) => words.join(' ')),
    fc.constantFrom('', '', ' && npm test', ' > a/b', '; ls'),
  )
  .map((parts) => parts.join(''));
const commandPattern = fc
  .array(fc.constantFrom('npm', 'test', 'run', 'rm', '*', 'n*', 'nohup', 'watch', 'A=1'), {
    minLength: 1,
    maxLength: 3,
  })
  .chain((words) => fc.constantFrom('', ':*', ' *', '*').map((end) => words.join(' ') + end));
const host = fc
  .array(fc.constantFrom('a', 'b', 'com'), { minLength: 1, maxLength: 3 })
  .map((labels) => labels.join('.'));
const hostPattern = fc
  .array(fc.constantFrom('a', 'b', 'com', '*', 'a*'), { minLength: 1, maxLength: 3 })
  .map((labels) => labels.join('.'));
const mcp = fc.constantFrom('mcp__s__get', 'mcp__s__get_x', 'mcp__s__put', 'mcp__s_t__get', 'mcp__s___get');

const rule = fc.oneof(
  fc.constantFrom(
    'Read',
    'Edit',
    'Write',
    'Glob',
    'Grep',
    'Bash',
    'WebFetch',
    'spawn_subagents',
    'Edit(*)',
    'Read(',
    '*',
  ),
  fc.tuple(fc.constantFrom('Read', 'Edit', 'Grep', 'Write'), pathPattern).map(([tool, text]) => `${tool}(${text})`),
  commandPattern.map((text) => `Bash(${text})`),
  hostPattern.map((text) => `WebFetch(domain:${text})`),
  fc.constantFrom(
    'mcp__s',
    'mcp__s__*',
    'mcp__s__get*',
    'mcp__s__get',
    'mcp__*',
    'mcp__s_t',
    'mcp__s_',
    'mcp__s___get',
    'mcp__s__*t*',
  ),
);
const MODES = ['dontAsk', 'dontAsk', 'dontAsk', 'plan'] as const;

/** Ten grants over a dozen rules: so some rules of one are often covered by those of another. */
const grants: fc.Arbitrary<Grant[]> = fc
  .tuple(
    fc.array(rule, { minLength: 12, maxLength: 12 }),
    fc.array(fc.tuple(fc.nat(0xfff), fc.nat(0xfff), fc.nat(40), fc.constantFrom(...MODES)), {
      minLength: 10,
      maxLength: 10,
    }),
  )
  .map(([rules, drawn]) =>
    drawn.map(([some, more, denied, mode]) => ({
      allow: rules.filter((_, index) => ((some & more) >> index) % 2 === 1),
      deny: rules.filter((text, index) => index === denied && text !== '*' && text !== 'Read('),
      mode,
    })),
  );

type Asked = Omit<PermissionRequest, 'directory'>;
const about = (tool: string, kind: Asked['kind'], paths: readonly string[]): Asked => ({ tool, kind, paths });
const request: fc.Arbitrary<Asked> = fc.oneof(
  fc.tuple(fc.constantFrom('Read', 'Grep'), path).map(([tool, file]) => about(tool, 'read', [file])),
  fc.tuple(fc.constantFrom('Glob', 'Grep'), path).map(([tool, file]) => about(tool, 'search', [file])),
  fc.tuple(fc.constantFrom('Edit', 'Write'), path).map(([tool, file]) => about(tool, 'edit', [file])),
  command.map((text) => ({ ...about('Bash', 'command', []), command: text })),
  host.map((name) => ({ ...about('WebFetch', 'fetch', []), host: name })),
  fc.oneof(mcp, fc.constant('spawn_subagents')).map((tool) => about(tool, 'other', [])),
);

/** Every parent with every child, and one more for a grandchild. */
function trees(all: readonly Grant[], holds: (parent: Grant, child: Grant, grandchild: Grant) => boolean): boolean {
  return all.every((parent, above) => all.every((child, here) => holds(parent, child, all[(above + 2 * here) % 10]!)));
}

test(
  'down a tree of grants nothing is allowed that is denied above',
  () => {
    const seen = { allowed: 0, refused: 0 };
    fc.assert(
      fc.property(grants, fc.array(request, { minLength: 3, maxLength: 3 }), (all, requests) =>
        trees(all, (parent, child, grandchild) => {
          const within = attenuate(parent, child).grant;
          const deeper = attenuate(within, grandchild).grant;
          const both = meet(parent, child);
          return requests.every((asked) => {
            const allows = (one: Grant): boolean => decide({ ...asked, directory: '' }, one).allow;
            const [above, here, below] = [allows(parent), allows(within), allows(deeper)];
            seen[here ? 'allowed' : 'refused']++;
            if (here && !(above && allows(child))) return false;
            return (!below || (here && allows(grandchild))) && (!allows(both) || (above && allows(child)));
          });
        }),
      ),
      runsOf(100),
    );
    expect(seen.allowed).toBeGreaterThan(FUZZ_CASES / 50);
  },
  FUZZ_TIMEOUT_MS,
);

const directory = fc.constantFrom('', 'a', 'a/b', 'src', 'b');

test(
  'nor where child and parent work in different directories',
  () => {
    let allowed = 0;
    fc.assert(
      fc.property(
        grants,
        directory,
        directory,
        fc.array(path, { minLength: 2, maxLength: 2 }),
        (all, above, below, files) =>
          trees(all, (parent, child) => {
            const directories = { parent: above, child: below };
            return [attenuate(parent, child, directories).grant, meet(parent, child, directories)].every((one) =>
              files.every((file) =>
                (['Read', 'Edit'] as const).every((tool) => {
                  const asked = { tool, kind: tool === 'Read' ? 'read' : 'edit', paths: [file] } as const;
                  const allows = (grant: Grant, from: string): boolean =>
                    decide({ ...asked, directory: from }, grant).allow;
                  if (!allows(one, below)) return true;
                  allowed++;
                  return allows(parent, above) && allows(child, below);
                }),
              ),
            );
          }),
      ),
      runsOf(100),
    );
    expect(allowed).toBeGreaterThan(FUZZ_CASES / 50);
  },
  FUZZ_TIMEOUT_MS,
);
