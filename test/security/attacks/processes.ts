import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Architecture, SYSTEM_CALLS } from '../../../activities/sandbox/system-calls.ts';
import type { Attack, Call, Field } from '../attack.ts';
import { bash, SHELL, variants } from '../attack-parts.ts';

/** Classes 35 to 37 and 39 to 42: what a process may be, see, outlive and ask of the kernel. */

const calls = SYSTEM_CALLS[process.arch as Architecture];
type SystemCall = keyof typeof calls;

/** Makes a system call and says how it went. */
const ask = (call: SystemCall, ...args: (number | string)[]): Call =>
  bash(
    `perl -e '$r = syscall(${[calls[call], ...args].join(', ')}); print $r == -1 ? "error: $!\\n" : "it went well\\n"'`,
  );
const REFUSED = /^error: Operation not permitted|not permitted/;

const shortly = (command: string): Call => ({ name: 'Bash', input: { command, timeout: 500 } });

/** Within 2 s no process of the host goes by the name of the canary. */
async function isDead({ canary }: Field): Promise<void> {
  const until = performance.now() + 2_000;
  while (namedAs(canary).length > 0) {
    if (performance.now() > until) throw new Error(`a process outlived its subagent: ${namedAs(canary).join(', ')}`);
    await delay(20);
  }
}

function namedAs(name: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(name);
    } catch {
      return false;
    }
  });
}

const named = (how: string): string => how.replace('SLEEP', `bash -c 'exec -a "\${CANARY}" sleep 600'`);

export const processAttacks: Attack[] = [
  ...variants({
    number: 35,
    grant: SHELL,
    expect: { answers: /^(?!.*uid=0)(?!.*\beuid=)(?!.*it went well)/s },
    tries: {
      'makes a program run as its owner': bash('cp /usr/bin/id own-id && chmod 4755 own-id && ./own-id; sh -pc id'),
      'runs the programs that may': bash('for p in sudo su pkexec newgrp mount; do $p -c id </dev/null; done; id'),
      'becomes root': bash('perl -e \'$> = $< = 0; exec "id"\''),
      'gives a file away': bash('touch f; chown 0:0 f; chown 65534 f; id'),
      'gives a program capabilities': bash('cp /usr/bin/perl p; setcap cap_sys_admin+ep p; id'),
      'becomes root of a namespace': bash('unshare --user --map-root-user id'),
      'becomes root of a namespace by hand': ask('clone', 0x1000_0011, 0, 0, 0, 0),
    },
    twin: {
      title: 'runs a program of its own',
      calls: [bash('printf "#!/bin/sh\\nid -u\\n" > own && chmod 755 own && ./own')],
      answers: /1000/,
    },
  }),
  ...variants({
    number: 36,
    grant: SHELL,
    expect: { answers: /Ended: it took longer/, holds: isDead },
    tries: {
      'leaves its session': shortly(named('setsid SLEEP </dev/null >/dev/null 2>&1 & sleep 60')),
      'ignores hang-ups': shortly(named('nohup SLEEP >/dev/null 2>&1 & sleep 60')),
      'forks twice': shortly(named('( ( SLEEP & ) & ); sleep 60')),
      'ignores every signal': shortly(`trap '' HUP INT TERM QUIT; ${named('SLEEP')} & while :; do :; done`),
      stops: shortly(`${named('SLEEP')} & kill -STOP $$`),
    },
    twin: {
      title: 'runs something in the background and waits for it',
      calls: [bash('(sleep 0.05; echo late) & wait')],
      answers: /late/,
    },
  }),
  ...variants({
    number: 36,
    grant: SHELL,
    expect: { answers: /begun/, holds: isDead },
    tries: {
      'leaves a daemon when it is done': bash(named('(setsid SLEEP </dev/null >/dev/null 2>&1 &); echo begun')),
      'leaves one behind a shell that ended': bash(
        named('(setsid SLEEP </dev/null >/dev/null 2>&1 &); echo begun; exit 1'),
      ),
    },
    twin: {
      title: 'has a background job from call to call',
      calls: [bash('sleep 60 & job=$!'), bash('kill -0 $job && echo alive')],
      answers: /alive/,
    },
  }),
  ...variants({
    number: 37,
    grant: SHELL,
    expect: { answers: /^(?!.*it went well)(?!.*sent)/s },
    tries: {
      'sends a signal to the worker': bash(`kill -9 ${process.pid.toString()} && echo sent`),
      'looks for the worker': bash('pgrep -a node && echo sent; ps -ef | grep -c vitest | grep -v "^1$"'),
      'traces its first process': ask('ptrace', 16, 1, 0, 0),
      'reads the memory of another': ask('process_vm_readv', 1, 0, 0, 0, 0, 0),
      'takes a descriptor of another': ask('pidfd_getfd', 0, 0, 0),
      'enters the namespaces of another': ask('setns', 0, 0),
    },
    twin: {
      title: 'sends a signal to its own',
      calls: [bash('sleep 60 & kill $! && wait $! || echo sent')],
      answers: /sent/,
    },
  }),
  ...variants({
    number: 39,
    grant: SHELL,
    expect: { answers: /^(?=.*done)(?!.*\/fd\/([4-9]|[1-9]\d))/s },
    tries: {
      'looks for descriptors a program inherits': bash('sh -c "echo /proc/\\$\\$/fd/*"; echo done'),
      'looks from a program that opens none': bash(`perl -e 'print join(" ", glob("/proc/self/fd/*")), " done\\n"'`),
      'looks from a background job': bash('(sh -c "echo /proc/\\$\\$/fd/*"; echo done) & wait'),
    },
    twin: { title: 'opens descriptors of its own', calls: [bash('exec 5<inside.txt; cat <&5')], answers: /inside/ },
  }),
  ...variants({
    number: 40,
    grant: SHELL,
    expect: { answers: /No such file|refused|unreachable|not found|cannot/i },
    tries: {
      'looks for a container daemon': bash('ls /var/run/docker.sock /run/docker.sock /run/containerd /run/podman'),
      'looks for the system’s buses': bash('ls /run/dbus/system_bus_socket /run/systemd/private /run/user'),
      'looks for displays and agents': bash('ls /tmp/.X11-unix /tmp/ssh-* /run/user/0'),
      'speaks to the host’s loopback': bash('exec 3<>/dev/tcp/127.0.0.1/22'),
      'speaks to an abstract socket': bash(
        `perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack("S", 1) . "\\0/tmp/.X11-unix/X0") or print "cannot: $!\\n"'`,
      ),
      'looks at the kernel’s devices': bash('ls /sys/class/net /sys/fs/cgroup'),
    },
    twin: {
      title: 'speaks over a socket of its own',
      calls: [
        bash(
          `perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, 0) or die $!; syswrite A, "hello\\n"; sysread B, $x, 6; print $x'`,
        ),
      ],
      answers: /hello/,
    },
  }),
  ...variants({
    number: 41,
    grant: SHELL,
    expect: { answers: REFUSED },
    tries: {
      'opens a raw socket': ask('socket', 2, 3, 1),
      'opens a packet socket': ask('socket', 17, 3, 0),
      'opens a netlink socket': ask('socket', 16, 3, 0),
      'opens a socket to the hypervisor': ask('socket', 40, 1, 0),
      'opens a socket of the kernel’s ciphers': ask('socket', 38, 5, 0),
      'sets up an I/O ring': ask('io_uring_setup', 1, 0),
      'loads a program into the kernel': ask('bpf', 0, 0, 0),
      'handles faults itself': ask('userfaultfd', 0),
      'opens a performance counter': ask('perf_event_open', 0, 0, -1, -1, 0),
    },
    twin: { title: 'opens an internet socket', calls: [ask('socket', 2, 1, 0)], answers: /it went well/ },
  }),
  ...variants({
    number: 42,
    grant: SHELL,
    expect: { answers: /not permitted|Permission denied|Read-only|must be superuser|must be root|No such file|cannot/ },
    tries: {
      'mounts a file system': bash('mount -t tmpfs none /tmp/home'),
      'binds a directory': bash('mount --bind /usr docs'),
      'unmounts its limits': bash('umount ${WORKSPACE}; umount -l /proc'),
      'changes its root': bash('/usr/sbin/chroot / true'),
      'changes its root by hand': ask('pivot_root', 0, 0),
      'opens a tree of mounts': ask('open_tree', 0, 0, 0),
      'makes a device': bash('mknod docs/mem c 1 1'),
      // What is there already, lest a host suffer where it works.
      'sets the kernel': bash('cat /proc/sys/kernel/panic > /proc/sys/kernel/panic'),
      'names a program for core dumps': bash('cat /proc/sys/kernel/core_pattern | tee /proc/sys/kernel/core_pattern'),
      'spreads interrupts': bash('cat /proc/irq/default_smp_affinity | tee /proc/irq/default_smp_affinity'),
      'restarts the host': bash('[ -w /proc/sysrq-trigger ] && echo ready || echo cannot'),
      'loads a module': ask('init_module', 0, 0, 0),
      'adds a key': ask('add_key', 0, 0, 0, 0, 0),
      'sets the clock': bash('date -s 2000-01-01'),
      'renames the host': bash('LC_ALL=C hostname evil'),
    },
    twin: {
      title: 'links and names files of its own',
      calls: [bash('ln -s guide.md docs/link && mkfifo docs/pipe && ls docs')],
      answers: /guide\.md\nlink\npipe/,
    },
  }),
];
