import { Interpreter } from '../../../../activities/script/child/interpreter.ts';
import { DEFAULT_SCRIPT_LIMITS } from '../../../../activities/script/limits.ts';
import type { AgentResult, News, Round, ScriptCall } from '../../../../activities/script/protocol.ts';

/** First line of every script of the tests, whose own lines count from 2. */
export const META = "export const meta = { name: 'a', description: 'b' };\n";

export interface PlayOptions {
  args?: unknown;
  /** By prompt; left out: it completes, and its output is its prompt in capitals. */
  answers?: Readonly<Record<string, AgentResult>>;
  saved?: Readonly<Record<string, string>>;
  /** Of each approval; default: yes. */
  isApproved?: boolean;
  total?: number;
  fuelTicks?: number;
}

export interface PlayedScript {
  value: unknown;
  error: { type: string; message: string; line?: number; column?: number } | undefined;
  isStuck: boolean;
  calls: ScriptCall[];
  said: string[];
  asked: string[];
}

/** One script in an engine of this process, whose agents end one exchange after they were called. */
export async function play(body: string, options: PlayOptions = {}): Promise<PlayedScript> {
  const { args, answers = {}, saved = {}, isApproved = true, total = null } = options;
  const calls: ScriptCall[] = [];
  const interpreter = await Interpreter.open(
    {
      ...{ file: 'flows/a.js', source: META + body, clockMs: 1_700_000_000_000 },
      fuelTicks: options.fuelTicks ?? DEFAULT_SCRIPT_LIMITS.fuelTicks,
      ...(args !== undefined && { args: JSON.stringify(args) }),
    },
    (call) => calls.push(call),
  );
  const [said, asked]: [string[], string[]] = [[], []];
  const resultOf = ({ prompt }: ScriptCall): AgentResult => ({
    label: 'x',
    status: 'completed',
    output: prompt.toUpperCase(),
    ...answers[prompt],
  });
  let [news, told, exchange, isFirst]: [News[], number, number, boolean] = [[], 0, 1, true];
  for (;;) {
    const round: Round = await interpreter.turn({ isFirst, exchange, news, budget: { total, spent: told } });
    said.push(...round.progress.map(({ kind, text }) => `${kind}: ${text}`));
    if (round.ask) asked.push(round.ask.title);
    if (round.end ?? (round.isStuck || exchange === 500)) {
      const { end = {}, isStuck } = round;
      if ('error' in end) return { value: undefined, error: end.error, isStuck, calls, said, asked };
      const value: unknown = end.value === undefined ? undefined : JSON.parse(end.value);
      return { value, error: undefined, isStuck, calls, said, asked };
    }
    isFirst = round.scripts.length === 0;
    news = round.scripts.map(({ id, name, path }): News => {
      const [file, source] = [name ?? path ?? '', saved[name ?? path ?? '']];
      return source === undefined
        ? { kind: 'refused', id, message: `no ${file}` }
        : { kind: 'script', id, file, source };
    });
    if (!isFirst) continue;
    news = calls.slice(told).map((call): News => ({ kind: 'result', id: call.id, result: resultOf(call) }));
    told = calls.length;
    if (round.ask) news.push({ kind: 'decided', exchange, isApproved });
    exchange++;
  }
}

export const valueOf = async (...given: Parameters<typeof play>): Promise<unknown> => {
  const { value, error } = await play(...given);
  if (error) throw new Error(`${error.type}: ${error.message}`);
  return value;
};
export const errorOf = async (...given: Parameters<typeof play>) => (await play(...given)).error;
