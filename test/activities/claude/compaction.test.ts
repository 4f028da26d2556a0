import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClaudeCall, Message } from '../../../activities/claude/claude.ts';
import {
  compacted,
  compactionBlock,
  isCompacted,
  summarised,
  type CompactionBlock,
} from '../../../activities/claude/compaction.ts';
import { compactionParams, messageParams, type MessageParams } from '../../../activities/claude/params.ts';
import { checkRequest, signatureOf } from '../../../client/simulated/checks.ts';
import { summaryOf } from '../../../client/simulated/compaction.ts';
import { readTranscript, turnOf } from '../../../client/simulated/transcript.ts';

const block: CompactionBlock = { type: 'compaction', content: 'the sum', encrypted_content: null, signature: 'sig' };
const newer: CompactionBlock = { ...block, content: 'a newer sum', signature: 'gis' };
const text = (value: string) => ({ type: 'text' as const, text: value });
const thinking = { type: 'thinking' as const, thinking: 'hm', signature: 's' };
const task: Message = { role: 'user', content: [text('<output_schema>\n{}\n</output_schema>'), text('Mend a.ts.')] };

function turn(n: number): [Message, Message] {
  const id = `toolu_${n}`;
  return [
    { role: 'assistant', content: [thinking, { type: 'tool_use', id, name: 'Read', input: { n } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: `result ${n}` }] },
  ];
}

const callOf = (messages: Message[], more: Partial<ClaudeCall> = {}): ClaudeCall => ({
  ...{ model: 'claude-sonnet-5-5', maxTokens: 100, system: '', tools: [], messages },
  ...more,
});
const textsOf = (message: Message | undefined) =>
  (message?.content as { type: string; text?: string }[]).flatMap((one) => (one.type === 'text' ? [one.text] : []));

describe('what is summarised', () => {
  it('is all but the newest turn, so that it fits where the call before did', () => {
    const messages = [task, ...turn(1), ...turn(2)];
    expect(summarised(callOf(messages))).toEqual(messages.slice(0, 3));
  });

  it('is everything where there is no earlier turn', () => {
    expect(summarised(callOf([task]))).toEqual([task]);
    const begun = compacted([task, ...turn(1), ...turn(2)], block);
    expect(summarised(callOf(begun))).toEqual(begun);
  });

  it('goes without old results where the API has been clearing them, and without the thinking bound to them', () => {
    const messages = [task, ...[1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap(turn)];
    const json = JSON.stringify(summarised(callOf(messages, { clearToolUsesAfterTokens: 50_000 })));
    expect(json).not.toContain('thinking');
    for (const gone of [1, 2]) expect(json).not.toContain(`result ${gone}`);
    for (const kept of [3, 4, 5, 6, 7, 8]) expect(json).toContain(`result ${kept}`);
    for (const use of [1, 2, 3]) expect(json).toContain(`"tool_use_id":"toolu_${use}"`);
  });
});

describe('a compacted conversation', () => {
  it('starts with the block as it came, keeps the newest turn, and says the task once more', () => {
    const [answer, results] = turn(2);
    const messages = compacted([task, ...turn(1), answer, results], block);
    expect(isCompacted(messages)).toBe(true);
    expect(messages[0]).toEqual({ role: 'assistant', content: [block] });
    expect(messages[1]).toEqual({ role: 'assistant', content: (answer.content as object[]).slice(1) });
    const last = messages[2]?.content as object[];
    expect(last[0]).toEqual((results.content as object[])[0]);
    expect(textsOf(messages[2])).toEqual([
      expect.stringContaining('has been summarised'),
      ...textsOf(task),
      expect.stringContaining('Go on'),
    ]);
    expect(messages).toHaveLength(3);
  });

  it('says shorter data again word for word, and leaves long data to the summary', () => {
    const short = '<context name="a">\nshort\n</context>';
    const long = `<context name="b">\n${'long '.repeat(2_000)}\n</context>`;
    const agent = `<agent name="r">\n${'rule '.repeat(2_000)}\n</agent>`;
    const first: Message = { role: 'user', content: [text(agent), text(short), text(long), text('Do it.')] };
    const texts = textsOf(compacted([first, ...turn(1), ...turn(2)], block).at(-1));
    expect(texts.slice(1, -1)).toEqual([agent, short, 'Do it.']);
  });

  it('can be compacted again and again, with the newest block alone and the task said once', () => {
    let messages = compacted([task, ...turn(1), ...turn(2)], block);
    for (const n of [3, 4, 5]) {
      messages = compacted([...messages, ...turn(n), ...turn(n + 10)], newer);
      expect(JSON.stringify(messages).match(/"compaction"/g)).toHaveLength(1);
      expect(messages[0]).toEqual({ role: 'assistant', content: [newer] });
      expect(textsOf(messages.at(-1)).filter((one) => one === 'Mend a.ts.')).toHaveLength(1);
      expect(JSON.stringify(messages)).not.toContain(`result ${n}"`);
      expect(JSON.stringify(messages)).toContain(`result ${n + 10}"`);
    }
  });

  it('has no earlier turn to keep: the task follows the block', () => {
    const messages = compacted([task], block);
    expect(messages.map(({ role }) => role)).toEqual(['assistant', 'user']);
    expect(textsOf(messages[1])).toContain('Mend a.ts.');
  });

  it('leaves the messages it was given as they are', () => {
    const messages = [task, ...turn(1), ...turn(2)];
    const before = JSON.stringify(messages);
    compacted(messages, block);
    expect(JSON.stringify(messages)).toBe(before);
  });
});

it('a summary without a text is none', () => {
  expect(compactionBlock([block])).toBe(block);
  expect(compactionBlock([])).toBeUndefined();
  expect(compactionBlock([{ ...block, content: null }])).toBeUndefined();
});

describe('whatever a conversation holds and whenever it is compacted', () => {
  /** Of each turn: how many tools it calls (0: it says something and is told to go on), whether it thinks, and if it is compacted then. */
  const turns = fc.array(fc.record({ calls: fc.nat(3), thinks: fc.boolean(), compacts: fc.boolean() }), {
    maxLength: 14,
  });

  function anyTurn(n: number, calls: number, thinks: boolean): Message[] {
    const ids = Array.from({ length: calls }, (_, at) => `toolu_${n}_${at}`);
    const thought = { type: 'thinking' as const, thinking: `${n}`, signature: signatureOf(`${n}`) };
    const uses = ids.map((id) => ({ type: 'tool_use' as const, id, name: 'Read', input: {} }));
    const said = calls === 0 && !thinks ? [text('So far.')] : [];
    const results = ids.map((id) => ({ type: 'tool_result' as const, tool_use_id: id, content: `result ${id}` }));
    return [
      { role: 'assistant', content: [...(thinks ? [thought] : []), ...said, ...uses] },
      { role: 'user', content: calls === 0 ? [text('Go on.')] : results },
    ];
  }

  /** Throws the API's 400. */
  const checked = ({ betas, ...body }: MessageParams) =>
    checkRequest(JSON.parse(JSON.stringify(body)), '2026-10-21', betas ?? []);

  it('every request is one the API takes, of the same agent, with all its turns counted and its task at hand', () => {
    fc.assert(
      fc.property(turns, fc.boolean(), (plan, clears) => {
        const more = clears ? { clearToolUsesAfterTokens: 1_000 } : {};
        let messages: Message[] = [task];
        const { agent } = readTranscript(checked(messageParams(callOf(messages, more))));
        plan.forEach(({ calls, thinks, compacts }, n) => {
          messages.push(...anyTurn(n, calls, thinks));
          if (compacts) {
            const body = checked(compactionParams(callOf(messages, { ...more, maxTokens: 4_000 })));
            const [summary] = summaryOf(readTranscript(body), turnOf(body)).blocks;
            messages = compacted(messages, summary as CompactionBlock);
          }
          const body = checked(messageParams(callOf(messages, more)));
          expect(readTranscript(body).agent).toBe(agent);
          expect(readTranscript(body).firstText).toContain('Mend a.ts.');
          // An answer that was thinking alone is gone with it.
          if (plan.every((one) => one.calls > 0 || !one.thinks)) expect(turnOf(body)).toBe(n + 2);
        });
      }),
      { numRuns: 300 },
    );
  });
});
