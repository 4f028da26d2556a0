import type { ArtifactStore } from '../../activities/artifacts/store.ts';
import { createRedactor } from '../../activities/observe/redaction.ts';
import { transcriptLines, type TranscriptLine, type TranscriptMessage } from '../../activities/observe/transcript.ts';
import type { SubagentRecord } from '../../workflows/contract/record.schema.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import { FleetFailure } from '../fleet-client/failure.ts';
import type { PlainFormat } from './output-format.ts';
import { resultText } from './result-text.ts';
import { withReading } from './session.ts';
import { readTranscript, transcriptShown } from './transcript.ts';

const LOG_LINES = 200;

/** `muster show`: an ended subagent, or one under way as its newest checkpoint has it. */
export async function showSubagent(id: string, label: string, format: PlainFormat): Promise<void> {
  await withReading(async ({ fleets, store, terminal }) => {
    const fleet = await fleets.find(id);
    const [index] = await fleets.indexes(fleet, [label]);
    const standing = await fleets.standing(fleet);
    const [ended] = await fleets.reader(fleet, standing).some([index!]);
    const generation = new Map(standing.progress.generations).get(index!) ?? 1;
    const record = ended ? undefined : (await fleets.records.subagent(fleet.id, index!, generation))?.record;
    const messages = await linesOf(store, ended?.result, record);
    if (format === 'json') {
      return terminal.data(`${JSON.stringify({ ...(ended?.result ?? { label, status: 'running' }), messages })}\n`);
    }
    if (!ended && !record)
      throw new FleetFailure('not_started', `${label} has not started yet`, `muster watch ${fleet.id}`);
    const text = ended
      ? resultText(await withLogs(store, ended.result), terminal.paint)
      : `${label}: under way, ${record!.turns} turns\n`;
    terminal.data(`${text}\n${transcriptShown(messages, terminal.paint)}`);
  });
}

/** Failed verifications with the end of their whole log, where it was kept. */
async function withLogs(store: ArtifactStore, result: Result): Promise<Result> {
  if (!result.verify) return result;
  const verify = result.verify.map(async (verified) => {
    if (verified.log === undefined) return verified;
    const lines = Buffer.from(await store.get(verified.log))
      .toString()
      .trimEnd()
      .split('\n');
    const left = lines.length - LOG_LINES;
    const head = left > 0 ? [`… ${left} lines before, in the artifact ${verified.log}`] : [];
    return { ...verified, tail: [...head, ...lines.slice(-LOG_LINES)].join('\n') };
  });
  return { ...result, verify: await Promise.all(verify) };
}

/** A committed result names its transcript; of a checkpoint it is what left the conversation, and the conversation. */
async function linesOf(
  store: ArtifactStore,
  result: Result | undefined,
  record: SubagentRecord | undefined,
): Promise<TranscriptLine[]> {
  const read = async (ref: string): Promise<string> => Buffer.from(await store.get(ref)).toString();
  if (result?.transcript) return readTranscript(await read(result.transcript));
  if (!record) return [];
  const chunks = await Promise.all([...(record.past ?? []), ...record.chunks].map(read));
  const messages = [...chunks.flatMap((chunk) => JSON.parse(chunk) as unknown[]), ...record.tail];
  return transcriptLines(messages as TranscriptMessage[], createRedactor([]));
}
