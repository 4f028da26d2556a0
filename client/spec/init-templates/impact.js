// What would a change break? Several lenses look for places, every place is judged, and the script decides.
//
//   muster run impact.js --simulate                                   without Claude and without cost
//   muster run impact.js --args '{"change": "Drop support for Node 18."}' --budget 5
//
// Fan out, collect, decide: the decision is made here, by rules anybody can read, and not by a model.
export const meta = {
  name: 'impact',
  description: 'Finds what a change would break, judges each place, and says whether to go on',
  phases: [{ title: 'Find' }, { title: 'Judge' }, { title: 'Plan' }],
};

const change = args?.change ?? 'The configuration file changes from JSON to YAML.';
const LENSES = args?.lenses ?? ['code that calls it', 'tests', 'documentation and examples', 'build and deployment'];

const PLACES = {
  type: 'object',
  required: ['places'],
  properties: {
    places: {
      type: 'array',
      items: {
        type: 'object',
        required: ['file', 'what'],
        properties: { file: { type: 'string', minLength: 1 }, what: { type: 'string' } },
      },
    },
  },
};
const JUDGEMENT = {
  type: 'object',
  required: ['breaks', 'effort', 'why'],
  properties: {
    breaks: { type: 'boolean' },
    effort: { enum: ['small', 'medium', 'large'] },
    why: { type: 'string', minLength: 20 },
  },
};

phase('Find');
// `parallel` waits for all and never rejects: a lens that fails is null, and said to be missing.
const seen = await parallel(
  LENSES.map(
    (lens) => () =>
      agent(`${change}\nWhich places of this project would that touch? Look at ${lens} alone.`, {
        label: `find: ${lens}`,
        schema: PLACES,
        permissions: 'read-only',
      }),
  ),
);
const blind = LENSES.filter((_, i) => !seen[i]);
if (blind.length > 0) log(`not looked at: ${blind.join(', ')}`);

// Every lens has reported: now each file is judged once, whoever found it.
const files = Map.groupBy(
  seen.filter(Boolean).flatMap(({ places }) => places),
  ({ file }) => file,
);
log(`${files.size} files`);

phase('Judge');
const judged = await pipeline([...files], async ([file, places]) => {
  // With a budget (--budget) a fifth is kept for the end: what is not judged is reported as such.
  if (budget.total && budget.remaining() < budget.total / 5) return null;
  return agent(`${change}\nWould that break ${file}, and how much work would it be to mend?`, {
    label: `judge ${file}`,
    phase: 'Judge',
    schema: JUDGEMENT,
    permissions: 'read-only',
    // Data for its first message: material, never instructions.
    context: { found: places.map(({ what }) => what) },
  });
});
const names = [...files.keys()];
const breaking = names.flatMap((file, i) => (judged[i]?.breaks ? [{ file, ...judged[i] }] : []));
const unjudged = names.filter((_, i) => !judged[i]);

phase('Plan');
const large = breaking.filter(({ effort }) => effort === 'large');
const decision =
  blind.length + unjudged.length > names.length / 4
    ? 'unknown: too much was not looked at'
    : large.length > 5
      ? 'in steps: several places are a project of their own'
      : 'go';
// await approve(`${breaking.length} files would break: ${decision}. Plan it?`) // a person decides; it may take days
const plan = await agent(`${change}\nIn which order are the places in the context changed? Ten lines at most.`, {
  label: 'plan',
  permissions: 'read-only',
  context: { decision, breaking },
});
return { change, decision, breaking, unjudged, blind, plan };
