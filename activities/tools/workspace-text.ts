import { join } from 'node:path';
import { readFile } from './confined-file.ts';
import { errorCode, Refusal, ToolError } from './refusal.ts';
import { resolvePath } from './resolved-path.ts';
import { isBinary } from './text.ts';
import type { ToolContext } from './tool.ts';

/**
 * Text of a file of a workspace for the worker's own use, confined like any tool's read; `path` is relative to the
 * workspace. undefined: there is none, or none that may be read (a link that leaves, no regular file, too large, binary).
 */
export async function workspaceText(workspace: ToolContext['workspace'], path: string): Promise<string | undefined> {
  try {
    const resolved = await resolvePath(join(workspace.root, path), workspace);
    if (resolved.type !== 'file') return undefined;
    const bytes = await readFile(workspace, resolved.path);
    return isBinary(bytes) ? undefined : bytes.toString();
  } catch (error) {
    if (error instanceof Refusal || error instanceof ToolError || errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
