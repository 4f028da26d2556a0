import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { NICENESS_AT_WORK } from '../limits.ts';
import type { ChildLine, Opening, Turn } from '../protocol.ts';
import { Interpreter } from './interpreter.ts';

/** The child process: one script, driven over its pipes; ends when they do. */
const say = (line: ChildLine): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

// A terminal's Ctrl-C is for the worker, who will close our pipe when it is done.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

let interpreter: Interpreter | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  if (interpreter) say({ round: await interpreter.turn(JSON.parse(line) as Turn) });
  else {
    interpreter = await Interpreter.open(
      JSON.parse(line) as Opening,
      (call) => say({ call }),
      () => setPriority(NICENESS_AT_WORK),
    );
    say({ ready: true });
  }
}
