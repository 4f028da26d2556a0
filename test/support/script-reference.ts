import type { AgentScript, SimulatedRequest } from '../../client/simulated/script.ts';
import { seededRandom } from '../../client/simulated/random.ts';

type Stage = (previous: unknown, item: unknown, index: number) => unknown;
type Body = (globals: unknown) => Promise<unknown>;

/**
 * Runs a workflow script by the letter of its contract and with nothing of muster: the answers of `answers` are those of its
 * agents, a refusal is null. `saved`: texts of the scripts it may run, by name and by path. `totalTokens`: its budget.
 */
export async function runByTheLetter(
  source: string,
  {
    args,
    answers,
    saved = {},
    totalTokens = null,
  }: {
    args: unknown;
    answers: AgentScript;
    saved?: Readonly<Record<string, string>>;
    totalTokens?: number | null;
  },
): Promise<unknown> {
  const agent = (prompt: string): Promise<unknown> => ask(answers, prompt);
  const orNull = async (work: () => unknown): Promise<unknown> => {
    try {
      return await work();
    } catch {
      return null;
    }
  };
  const globals = {
    agent,
    args,
    parallel: (thunks: (() => unknown)[]) => Promise.all(thunks.map(orNull)),
    pipeline: (items: unknown[], ...stages: Stage[]) =>
      Promise.all(
        items.map((item, i) =>
          orNull(async () => {
            let value = item;
            for (const stage of stages) value = await stage(value, item, i);
            return value;
          }),
        ),
      ),
    phase: () => undefined,
    log: () => undefined,
    budget: { total: totalTokens, spent: () => 1, remaining: () => (totalTokens ?? Infinity) - 1 },
    workflow: async (named: string | { scriptPath: string }, given: unknown) => {
      const text = saved[typeof named === 'string' ? named : named.scriptPath];
      if (text === undefined) throw new Error(`no workflow is called ${JSON.stringify(named)}`);
      return runByTheLetter(text, { args: given, answers, totalTokens });
    },
  };
  return bodyOf(source)(globals);
}

function bodyOf(source: string): Body {
  const text = source.replace('export const meta', 'const meta');
  const names = 'agent, args, parallel, pipeline, phase, log, budget, workflow';
  return Function(`return async ({ ${names} }) => {\n${text}\n}`)() as Body;
}

async function ask(answers: AgentScript, prompt: string): Promise<unknown> {
  const request = { prompt, body: { messages: [] } } as unknown as SimulatedRequest;
  if (!answers.matches(request)) throw new Error(`nobody answers ${prompt}`);
  const { blocks } = await answers.reply({ request, number: 1, random: seededRandom('') });
  const [block] = blocks;
  if (block?.type === 'text') return block.text;
  return block?.type === 'tool_use' ? block.input : null;
}
