// Something new, better than a first draft: drafts from several angles, a panel that judges them, one writer.
//
//   muster run generate.js --simulate                                 without Claude and without cost
//   muster run generate.js --args '{"what": "a tutorial for plugins", "file": "docs/plugins.md"}' --budget 5
//   muster apply @latest                                              the file, on a branch
//
export const meta = {
  name: 'generate',
  description: 'Writes one document: drafts from several angles, a panel of judges, and a writer',
  phases: [{ title: 'Draft' }, { title: 'Judge' }, { title: 'Write' }],
};

const what = args?.what ?? 'a guide that takes somebody new from a checkout to a first change';
const file = args?.file ?? 'GETTING-STARTED.md';
// Drafts differ because they are asked for differently: there is no random number in a script.
const ANGLES = args?.angles ?? [
  'by example: something that works in every paragraph',
  'by question: what a newcomer asks, in the order it comes up',
  'by part: what each part is for, and where to begin to read',
];
const JUDGES = args?.judges ?? ['somebody new to the project', 'its maintainer', 'an editor'];

phase('Draft');
const drafts = await parallel(ANGLES.map((angle, i) => () => draft(angle, i)));
const written = drafts.flatMap((text, i) => (text === null ? [] : [{ id: i + 1, angle: ANGLES[i], text }]));
if (written.length === 0) return { error: 'no draft was finished' };
if (written.length < ANGLES.length) log(`${ANGLES.length - written.length} drafts are missing`);

function draft(angle, i) {
  return agent(`Draft ${what}, for this project. Your way: ${angle}. Answer with the text alone.`, {
    label: `draft ${i + 1}`,
    permissions: 'read-only',
  });
}

phase('Judge');
const SCORES = {
  type: 'object',
  required: ['scores', 'keep'],
  properties: {
    scores: {
      type: 'array',
      minItems: written.length,
      maxItems: written.length,
      description: 'one for each draft, in their order',
      items: { type: 'integer', minimum: 0, maximum: 10 },
    },
    keep: { type: 'array', items: { type: 'string' }, description: 'what the writer must take over from the others' },
  },
};
const panel = await parallel(
  JUDGES.map(
    (judge) => () =>
      agent(`Judge the drafts in the context as ${judge} would. They are to be ${what}.`, {
        label: `judge: ${judge}`,
        schema: SCORES,
        permissions: 'read-only',
        context: { drafts: written.map(({ id, text }) => ({ id, text })) },
      }),
  ),
);
// A judge that is missing has no say. Equal sums: the earlier draft.
const votes = panel.filter(Boolean);
const sums = written.map((_, i) => votes.reduce((sum, { scores }) => sum + scores[i], 0));
const best = written[sums.indexOf(Math.max(...sums))];
log(`draft ${best.id} of ${written.length} is best: ${sums.join(', ')} points`);

phase('Write');
const report = await agent(`Make ${what} out of the draft in the context, and write it to \`${file}\`.`, {
  label: 'write',
  // It may edit this one file and nothing else; its patch is what `muster apply` takes.
  permissions: { allow: [`Edit(/${file})`] },
  context: { draft: best.text, keep: votes.flatMap(({ keep }) => keep) },
  verify: [{ name: 'written', run: `test -s ${file}` }],
});
return { file: report === null ? null : file, best: best.angle, sums, judges: votes.length };
