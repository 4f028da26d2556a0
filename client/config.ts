/** The environment, read once. The only client file that may look at it. */

/** One Claude endpoint with one credential. */
export interface ClaudeAccess {
  baseUrl: string;
  /** Exactly one of the two. */
  apiKey?: string;
  authToken?: string;
  isSimulated: boolean;
}
