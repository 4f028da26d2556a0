import { resolveGrant } from '../../client/spec/permissions.ts';
import type { Grant } from '../../workflows/contract/task.schema.ts';
import { decide, type PermissionRequest } from '../../workflows/policy/permission.ts';

/**
 * How long a decision takes, printed and judged by nobody: `node test/bench/decision-bench.ts`. A mixed corpus: mostly the
 * calls subagents make, one in ten a command of thousands of characters, hostile ones apart.
 */
const GRANTS: readonly Grant[] = [
  resolveGrant('full').grant,
  resolveGrant({
    allow: [
      'Edit(src/**)',
      'Bash(npm test:*)',
      'Bash(git log *)',
      'Bash(make * test)',
      'WebFetch(domain:*.example.com)',
      'mcp__s__*',
    ],
    deny: ['Read(.env)', 'Read(secrets/**)', 'Bash(rm:*)', 'Bash(git push *)', 'WebFetch(domain:evil.example.com)'],
  }).grant,
  resolveGrant({
    allow: Array.from({ length: 100 }, (_, index) => `Bash(tool-${index.toString()} *)`),
    deny: Array.from({ length: 100 }, (_, index) => `Bash(bad-${index.toString()} *)`),
  }).grant,
];

const COMMANDS = [
  'npm test -- --run test/a.test.ts',
  'cd src && git log --oneline -5 | head -3',
  'for f in $(ls src); do grep -n "TODO" "$f" || true; done > /dev/null',
  "cat > src/x.ts <<'E'\nexport const x = 1;\nE\nnpm test",
  'timeout 60 nice -n 10 tool-99 --flag "$(cat a | wc -l)" 2>&1 | tail -20',
];
const LONG = [
  Array.from({ length: 240 }, (_, index) => `tool-${(index % 100).toString()} x`).join(' && '),
  `npm test ${'argument '.repeat(1_000)}`,
  `echo "${'some text and $(cat a)  '.repeat(240)}"`,
  Array.from({ length: 400 }, () => 'printf \'%s\' "$x"').join('; '),
];
const HOSTILE = [
  '(',
  '$(',
  '&&',
  '\\',
  '`',
  '"',
  '{',
  '${x:-',
  'a;',
  'nohup ',
  'xargs ',
  'find . -exec ',
  'X=1 ',
  '>a ',
  '<<E\n',
].map((piece) => piece.repeat(Math.floor(10_000 / piece.length)));

const base = { directory: 'app', root: '/workspace' };
const command = (text: string): PermissionRequest => ({
  ...base,
  tool: 'Bash',
  kind: 'command',
  paths: [],
  command: text,
});

function* requests(): Generator<PermissionRequest> {
  for (let index = 0; ; index++) {
    const path = `app/src/${(index % 50).toString()}/file.ts`;
    yield { ...base, tool: 'Read', kind: 'read', paths: [path] };
    yield { ...base, tool: 'Grep', kind: 'search', paths: ['app/src'] };
    yield { ...base, tool: 'Edit', kind: 'edit', paths: [path] };
    yield command(COMMANDS[index % COMMANDS.length]!);
    yield command(COMMANDS[(index + 1) % COMMANDS.length]!);
    yield { ...base, tool: 'WebFetch', kind: 'fetch', paths: [], host: `h${(index % 9).toString()}.example.com` };
    yield { ...base, tool: 'mcp__s__get', kind: 'other', paths: [] };
    if (index % 2 === 0) yield command(LONG[(index / 2) % LONG.length]!);
  }
}

function measure(title: string, asked: Iterable<PermissionRequest>, count: number): void {
  const took: number[] = [];
  for (const request of asked) {
    const grant = GRANTS[took.length % GRANTS.length]!;
    // The best of three: what a busy machine adds is not the decision's.
    let best = Infinity;
    for (let repeat = 0; repeat < 3; repeat++) {
      const start = performance.now();
      decide(request, grant);
      best = Math.min(best, performance.now() - start);
    }
    took.push(best);
    if (took.length >= count) break;
  }
  took.sort((a, b) => a - b);
  const at = (share: number): string =>
    `${(took[Math.ceil(took.length * share) - 1]! * 1_000).toFixed(1)} µs`.padStart(11);
  process.stdout.write(`${title.padEnd(34)} p50 ${at(0.5)}  p99 ${at(0.99)}  max ${at(1)}\n`);
}

measure('warm-up', requests(), 20_000);
measure('mixed, 30,000 decisions', requests(), 30_000);
measure('commands of up to 10,000 chars', LONG.concat(LONG, LONG).map(command), 1_000);
for (const text of HOSTILE)
  measure(
    JSON.stringify(text.slice(0, 16)),
    Array.from({ length: 30 }, () => command(text)),
    30,
  );
measure('hostile, 10,000 chars', HOSTILE.concat(HOSTILE, HOSTILE).map(command), 1_000);
