import type { Attack, Call } from '../attack.ts';
import { bash, SHELL, variants } from '../attack-parts.ts';

/** Class 90: what one subagent may use up is its own. Beside a bystander, and with disk and memory: bombs.test.ts. */

const shortly = (command: string, timeout = 1_000): Call => ({ name: 'Bash', input: { command, timeout } });

const ended = (like: RegExp, tries: Record<string, Call | Call[]>): Attack[] =>
  variants({
    number: 90,
    grant: SHELL,
    expect: { answers: like },
    tries,
    twin: {
      title: 'runs several jobs, prints and writes a good deal',
      calls: [
        bash(
          'for i in {1..20}; do (head -c 100000 /dev/zero > f$i) & done; wait; seq 1 2000 | tail -1; cat f* | wc -c',
        ),
      ],
      answers: /2000\n2000000/,
    },
  });

export const resourceAttacks: Attack[] = [
  ...ended(/Ended: it took longer/, {
    'forks without end': shortly('bomb() { bomb | bomb & }; bomb; wait; sleep 60'),
    'loops without end': shortly('while :; do :; done'),
    'waits without end': shortly('sleep infinity'),
  }),
  ...ended(/Ended: it printed too much/, {
    'prints without end': bash('yes'),
    'prints errors without end': bash('yes >&2'),
    'prints without end and without lines': bash("tr '\\0' x </dev/zero"),
  }),
  ...ended(/File too large|No space left|limit exceeded/, {
    'makes a file too large': bash('truncate -s 2G big'),
    'writes far into a file': bash('dd if=/dev/zero of=big bs=1 count=1 seek=3G'),
    'fills its memory by its temporary directory': bash('fallocate -l 600M /tmp/big'),
    'fills it by shared memory': bash('fallocate -l 200M /dev/shm/big'),
  }),
  ...ended(/Out of memory|ran out of memory|Cannot allocate/, {
    'asks for more memory than there is': bash('perl -e \'$x = "a" x 8_000_000_000\''),
  }),
  ...ended(/next/, {
    'makes ten thousand files': bash('mkdir d; for i in {1..10000}; do : > d/$i; done; rm -r d; echo next'),
    'opens files without end': bash('perl -e \'while (open(my $h, "<", "inside.txt")) { push @f, $h }\'; echo next'),
    'is slow with ever deeper directories': bash(
      'for i in {1..200}; do mkdir d && cd d; done; cd ${WORKSPACE}; rm -r d; echo next',
    ),
  }),
];
