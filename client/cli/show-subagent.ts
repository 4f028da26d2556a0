import type { ArtifactStore } from '../../activities/artifacts/store.ts';
import type { SubagentRecord } from '../../workflows/contract/record.schema.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import { FleetFailure } from '../fleet-client/failure.ts';
import { oneLine, printable, span } from './figures.ts';
import type { PlainFormat } from './output-format.ts';
import { paintStatus, type Paint } from './paint.ts';
import { withSession } from './session.ts';
import { transcriptText, type Message } from './transcript.ts';

/** `muster show`: an ended subagent, or one under way as its newest checkpoint has it. */
export async function showSubagent(id: string, label: string, format: PlainFormat): Promise<void> {
  await withSession({}, async ({ client, stack, terminal }) => {
    const fleet = await client.find(id);
    const [index] = await client.indexes(fleet, [label]);
    const standing = await client.standing(fleet);
    const [ended] = await client.reader(fleet, standing).some([index!]);
    const generation = new Map(standing.progress.generations).get(index!) ?? 1;
    const record = ended ? undefined : (await client.records.subagent(fleet.id, index!, generation))?.record;
    const messages = await messagesOf(stack.store, ended?.result, record);
    if (format === 'json') {
      return terminal.data(`${JSON.stringify({ ...(ended?.result ?? { label, status: 'running' }), messages })}\n`);
    }
    if (!ended && !record)
      throw new FleetFailure('not_started', `${label} has not started yet`, `muster watch ${fleet.id}`);
    const text = ended ? resultText(ended.result, terminal.paint) : `${label}: under way, ${record!.turns} turns\n`;
    terminal.data(`${text}\n${transcriptText(messages, terminal.paint)}`);
  });
}

/** A committed result names its transcript, one message a line; a checkpoint has chunks and a tail. */
async function messagesOf(
  store: ArtifactStore,
  result: Result | undefined,
  record: SubagentRecord | undefined,
): Promise<Message[]> {
  const read = async (ref: string): Promise<string> => Buffer.from(await store.get(ref)).toString();
  if (result?.transcript) {
    const text = await read(result.transcript);
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Message);
  }
  if (!record) return [];
  const chunks = await Promise.all(record.chunks.map(read));
  return [...chunks.flatMap((chunk) => JSON.parse(chunk) as Message[]), ...(record.tail as Message[])];
}

function resultText(result: Result, paint: Paint): string {
  const { label, status, error, output, structured_output, raw_output, schema_errors, changes } = result;
  const said = structured_output === undefined ? output : JSON.stringify(structured_output, null, 2);
  const lines = [
    `${paint.bold(oneLine(label))}: ${paintStatus(paint, status, status)}${result.simulated ? ', simulated' : ''}`,
    `${result.model}, ${result.num_turns} turns, ${span(result.duration_ms)}, $${result.total_cost_usd.toFixed(4)}`,
    ...(result.reused_from ? [`taken over from ${result.reused_from}`] : []),
    ...(error ? [paint.red(`${error.type}: ${printable(error.message)}`)] : []),
    ...(schema_errors ?? []).map((text) => paint.red(`  ${printable(text)}`)),
    ...(changes
      ? [`changed +${changes.insertions} −${changes.deletions}: ${changes.files.map(oneLine).join(', ')}`]
      : []),
    ...result.permission_denials.map(({ tool, reason }) => paint.yellow(`denied ${tool}: ${printable(reason)}`)),
    ...(said === null ? [] : ['', printable(said)]),
    ...(raw_output === undefined ? [] : ['', printable(raw_output)]),
  ];
  return `${lines.join('\n')}\n`;
}
