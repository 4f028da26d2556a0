import type { ReplyBlock, SimulatedRequest } from '../../client/simulated/script.ts';
import { call, say, type PlayedClaude } from './played-claude.ts';

/** The three patterns, each as a Claude that spawns, as a script and as a plan; what comes out is the same. */
export type Pattern = 'fan-out' | 'decide' | 'graph';
export const PATTERNS: readonly Pattern[] = ['fan-out', 'decide', 'graph'];

/** The prompt of a subagent that takes two turns and says `found NAME`. */
export const work = (of: string, name: string, more = ''): string =>
  `[[simulate turns=2 latency=500ms-900ms output="found ${name}" ${more}]] Find ${name} for ${of}.`;
/** Three turns where one is allowed: it fails, with `Subagent.MaxTurns`. */
const tooLong = (of: string, name: string): string => work(of, name).replace('turns=2', 'turns=3');

const EIGHT = Array.from({ length: 8 }, (_, i) => `p${(i + 1).toString()}`);

/** What ends how under each pattern, by the label its parent gave. */
export const ENDS: Readonly<Record<Pattern, Readonly<Record<string, [status: string, output: string | null]>>>> = {
  'fan-out': Object.fromEntries(EIGHT.map((name) => [name, ['completed', `found ${name}`]])),
  decide: {
    one: ['completed', 'found one'],
    two: ['failed', null],
    three: ['completed', 'found three'],
    'two-again': ['completed', 'found two-again'],
  },
  graph: {
    a: ['completed', 'found a'],
    b: ['completed', 'found b'],
    c: ['completed', 'found c'],
    d: ['completed', 'found d'],
  },
};

interface Told {
  census: Record<string, number>;
  results: { label: string; status: string; output: string | null }[];
}

/** What the newest tool results say. */
function told({ body }: SimulatedRequest): Told[] {
  const content = body.messages.at(-1)!.content;
  if (typeof content === 'string') return [];
  return content.flatMap((block) => {
    if (block.type !== 'tool_result') return [];
    const text = typeof block.content === 'string' ? block.content : JSON.stringify(block.content);
    return [JSON.parse(text) as Told];
  });
}

const spawn = (tasks: object[], wait: 'all' | 'first' | number = 'all'): ReplyBlock =>
  call('spawn_subagents', { tasks, wait });

/** Writes the parts of the spawning Claudes; the prompt of each. What they say at the end names what they were told. */
export function playParents(claude: PlayedClaude): Record<Pattern, string> {
  const report = (request: SimulatedRequest): ReplyBlock[] => {
    const [{ census, results }] = told(request) as [Told];
    return [say(`${census['completed'] ?? 0}: ${results.map(({ output }) => output).join(', ')}`)];
  };
  return {
    'fan-out': claude.play('fan-out', ({ number, request }) =>
      number === 1
        ? [spawn(EIGHT.map((label) => ({ label, prompt: work('claude', label), permissions: 'read-only' })))]
        : report(request),
    ),
    decide: claude.play('decide', ({ number, request }) => {
      switch (number) {
        case 1:
          return [
            spawn(
              [
                { label: 'one', prompt: work('decide', 'one') },
                { label: 'two', prompt: tooLong('decide', 'two'), max_turns: 1 },
                { label: 'three', prompt: work('decide', 'three') },
              ],
              'first',
            ),
          ];
        case 2:
          return [call('collect_subagents', { labels: ['one', 'two', 'three'], wait: 'all' })];
        case 3: {
          const lost = told(request).flatMap(({ results }) => results.filter(({ status }) => status !== 'completed'));
          return [
            spawn(
              lost.map(({ label }) => {
                const name = `${label.split('/').at(-1)!}-again`;
                return { label: name, prompt: work('decide', name) };
              }),
            ),
          ];
        }
        default:
          return report(request);
      }
    }),
    graph: claude.play('graph', ({ number, request }) =>
      number === 1
        ? [
            spawn([
              { label: 'a', prompt: work('graph', 'a') },
              { label: 'b', prompt: work('graph', 'b'), depends_on: ['a'] },
              { label: 'c', prompt: work('graph', 'c'), depends_on: ['a'] },
              { label: 'd', prompt: work('graph', 'd'), depends_on: ['b', 'c'] },
            ]),
          ]
        : report(request),
    ),
  };
}

const meta = (pattern: Pattern): string =>
  `export const meta = { name: '${pattern}', description: 'The pattern ${pattern}' }\n`;
const text = (value: string): string => JSON.stringify(value);

/** The scripts, by pattern; each returns what it was told. */
export const SCRIPTS: Readonly<Record<Pattern, string>> = {
  'fan-out': `${meta('fan-out')}
const found = await parallel(${JSON.stringify(EIGHT)}.map(name => () =>
  agent(${text(work('script', 'NAME'))}.replaceAll('NAME', name), { label: name })))
return found
`,
  decide: `${meta('decide')}
const ask = (name, more) => agent(${text(work('script-decide', 'NAME'))}.replaceAll('NAME', name), { label: name, ...more })
const first = await parallel([
  () => ask('one'),
  () => agent(${text(tooLong('script-decide', 'two'))}, { label: 'two', maxTurns: 1 }),
  () => ask('three'),
])
const lost = ['one', 'two', 'three'].filter((_, i) => first[i] === null)
log(\`lost: \${lost.join(', ')}\`)
const again = await parallel(lost.map(name => () => ask(\`\${name}-again\`)))
return [...first.filter(Boolean), ...again]
`,
  graph: `${meta('graph')}
const ask = name => agent(${text(work('script-graph', 'NAME'))}.replaceAll('NAME', name), { label: name })
const a = await ask('a')
const [b, c] = await parallel([() => ask('b'), () => ask('c')])
const d = await ask('d')
return [a, b, c, d]
`,
};

export const RETURNED: Readonly<Record<Pattern, unknown>> = {
  'fan-out': EIGHT.map((name) => `found ${name}`),
  decide: ['found one', 'found three', 'found two-again'],
  graph: ['found a', 'found b', 'found c', 'found d'],
};

/** The plans, as fleet files: fan-out in two waves; a decision is what a gate and a retry make of it. */
export const PLANS: Readonly<Record<Pattern, string>> = {
  'fan-out': `
name: fan-out
rollout: { waves: [3, 100%], gate: { minCompleted: 0.5 } }
permissions: read-only
tasks:
${EIGHT.map((name) => `  - { label: ${name}, prompt: ${text(work('plan', name))} }`).join('\n')}
`,
  decide: `
name: decide
permissions: read-only
tasks:
  - { label: one, prompt: ${text(work('plan-decide', 'one'))} }
  - { label: two, prompt: ${text(tooLong('plan-decide', 'two'))}, maxTurns: 1 }
  - { label: three, prompt: ${text(work('plan-decide', 'three'))} }
  - { label: two-again, prompt: ${text(work('plan-decide', 'two-again'))}, dependsOn: [one, three] }
`,
  graph: `
name: graph
permissions: read-only
tasks:
  - { label: a, prompt: ${text(work('plan-graph', 'a'))} }
  - { label: b, prompt: ${text(work('plan-graph', 'b'))}, dependsOn: [a] }
  - { label: c, prompt: ${text(work('plan-graph', 'c'))}, dependsOn: [a] }
  - { label: d, prompt: ${text(work('plan-graph', 'd'))}, dependsOn: [b, c] }
`,
};
