/** What a command printed: the whole of it up to a limit, beyond that its beginning and its end. Memory is bounded. */
export class CapturedOutput {
  private readonly half: number;
  private readonly head: Buffer[] = [];
  private readonly tail: Buffer[] = [];
  private headBytes = 0;
  private tailBytes = 0;
  private totalBytes = 0;

  constructor(limitBytes: number) {
    this.half = Math.ceil(limitBytes / 2);
  }

  get bytes(): number {
    return this.totalBytes;
  }

  add(chunk: Buffer): void {
    this.totalBytes += chunk.length;
    const fitting = chunk.subarray(0, this.half - this.headBytes);
    if (fitting.length > 0) this.head.push(fitting);
    this.headBytes += fitting.length;
    const rest = chunk.subarray(fitting.length);
    if (rest.length === 0) return;
    // A copy, where little of a large chunk is kept for long.
    this.tail.push(rest.length > this.half ? Buffer.from(rest.subarray(-this.half)) : rest);
    this.tailBytes += this.tail.at(-1)!.length;
    while (this.tailBytes - this.tail[0]!.length >= this.half) this.tailBytes -= this.tail.shift()!.length;
  }

  /** Of bytes that are not UTF-8, U+FFFD. */
  text(): string {
    const tail = Buffer.concat(this.tail).subarray(-this.half);
    const missing = this.totalBytes - this.headBytes - tail.length;
    if (missing === 0) return Buffer.concat([...this.head, tail]).toString();
    const note = `\n\n[… ${missing.toLocaleString('en-US')} bytes left out …]\n\n`;
    return wholeCharacters(Buffer.concat(this.head), 'end') + note + wholeCharacters(tail, 'start');
  }
}

/** Leaves out the part of a character that a cut left at one end of the bytes. */
function wholeCharacters(bytes: Buffer, cutAt: 'start' | 'end'): string {
  const isContinuation = (at: number): boolean => (bytes[at]! & 0xc0) === 0x80;
  if (cutAt === 'start') {
    let from = 0;
    while (from < Math.min(3, bytes.length) && isContinuation(from)) from++;
    return bytes.toString('utf8', from);
  }
  let lead = bytes.length - 1;
  while (lead > bytes.length - 4 && lead > 0 && isContinuation(lead)) lead--;
  const first = bytes[lead] ?? 0;
  const needed = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  return bytes.toString('utf8', 0, lead >= 0 && lead + needed > bytes.length ? lead : bytes.length);
}
