const BYTES_PER_TOKEN = 4;

/** Tokens of a text: its bytes over four, rounded up. Deterministic, and near enough. */
export function tokensOf(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}
