import { type ChildProcess, spawn } from 'node:child_process';

export interface ProgramCall {
  cwd: string;
  /** Open files of ours that the program gets, from 3 on; they stay ours to close. */
  descriptors: readonly number[];
  timeoutMs: number;
  /** Of standard output; what is beyond is lost, and the program is ended. */
  maxOutputBytes: number;
  signal: AbortSignal;
}

export interface ProgramEnd {
  output: Buffer;
  complaint: string;
  /** null: it was ended by us, or by somebody else. */
  exitCode: number | null;
  endedBy?: 'output' | 'timeout';
}

const MAX_COMPLAINT_BYTES = 65_536;

/**
 * Runs a program without environment, input or shell, to its end. Rejects with the signal's reason once it is dead, or
 * when it cannot be started. Node's own spawn: with hundreds of descriptors execa takes ten times as long.
 */
export async function runProgram(binary: string, args: readonly string[], call: ProgramCall): Promise<ProgramEnd> {
  call.signal.throwIfAborted();
  const child = spawn(binary, args, { cwd: call.cwd, env: {}, stdio: ['ignore', 'pipe', 'pipe', ...call.descriptors] });
  let endedBy: ProgramEnd['endedBy'];
  const end = (why?: ProgramEnd['endedBy']): void => {
    endedBy ??= why;
    child.kill('SIGKILL');
  };
  const output = collect(child.stdout, call.maxOutputBytes, () => end('output'));
  const complaint = collect(child.stderr, MAX_COMPLAINT_BYTES, () => undefined);
  const timer = setTimeout(() => end('timeout'), call.timeoutMs);
  const onAbort = (): void => end();
  call.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const exitCode = await ending(child);
    call.signal.throwIfAborted();
    const said = {
      output: Buffer.concat(output),
      complaint: Buffer.concat(complaint).toString('utf8').trim(),
      exitCode,
    };
    return endedBy === undefined ? said : { ...said, endedBy };
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener('abort', onAbort);
  }
}

async function ending(child: ChildProcess): Promise<number | null> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', (cause) => reject(new Error('the program cannot be started', { cause })));
  child.on('close', resolve);
  return promise;
}

function collect(stream: NodeJS.ReadableStream | null, limitBytes: number, onLimit: () => void): Buffer[] {
  const chunks: Buffer[] = [];
  let leftBytes = limitBytes;
  stream?.on('data', (chunk: Buffer) => {
    if (chunk.length > leftBytes) onLimit();
    if (leftBytes > 0) chunks.push(chunk.subarray(0, leftBytes));
    leftBytes -= chunk.length;
  });
  return chunks;
}
