import { z } from 'zod';
import type { ArtifactRef } from '../../../workflows/contract/units.ts';
import type { ArtifactStore } from '../../artifacts/store.ts';
import type { ToolResult } from '../tool-turn.ts';

/** A call of a turn that waits for subagents. `own`: a range of the turn's request; `earlier`: indexes. */
const OpenCall = z.object({
  id: z.string(),
  need: z.int(),
  own: z.tuple([z.int(), z.int()]).optional(),
  earlier: z.array(z.int()),
});
export type OpenCall = z.infer<typeof OpenCall>;

/** A turn whose other calls are done, while these wait. */
const OpenTurn = z.object({
  v: z.literal(1),
  /** Ids of all calls, in their order. */
  order: z.array(z.string()),
  results: z.array(z.looseObject({ type: z.literal('tool_result'), tool_use_id: z.string() })),
  calls: z.array(OpenCall),
  /** Own money promised to those the request is to spawn. */
  grantedMicroUsd: z.int(),
});
export interface OpenTurn extends Omit<z.infer<typeof OpenTurn>, 'results'> {
  results: ToolResult[];
}

/** The same turn is the same blob. */
export async function saveTurn(store: ArtifactStore, turn: OpenTurn): Promise<ArtifactRef> {
  return store.put(Buffer.from(JSON.stringify(turn)));
}

/** Throws as the store does, and where it is none. */
export async function loadTurn(store: ArtifactStore, ref: ArtifactRef): Promise<OpenTurn> {
  const text = Buffer.from(await store.get(ref)).toString();
  return OpenTurn.parse(JSON.parse(text)) as OpenTurn;
}
