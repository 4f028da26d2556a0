// Answers one question about a whole codebase: a survey, a search in each area, a second look at every finding.
//
//   muster run search.js --simulate                                   without Claude and without cost
//   muster run search.js --args '{"question": "Where is user input put into SQL?"}' --budget 5
//
// A script of Claude Code: `agent()` is one subagent, the script decides what comes next. It is plain JavaScript without
// modules, files or clock; it may run for days, is resumed after any crash, and no agent runs twice.
export const meta = {
  name: 'search',
  description: 'Answers one question about a whole codebase, and checks every finding',
  phases: [{ title: 'Survey' }, { title: 'Search' }, { title: 'Report' }],
};

const question = args?.question ?? 'Where is an error caught and then ignored?';
// So many areas at most: what it can cost is known before it starts.
const MOST_AREAS = args?.areas ?? 8;

// An answer that fits a schema comes back as an object. The model is held to it.
const AREAS = {
  type: 'object',
  required: ['areas'],
  properties: {
    areas: {
      type: 'array',
      items: {
        type: 'object',
        required: ['directory', 'why'],
        properties: { directory: { type: 'string', minLength: 1 }, why: { type: 'string' } },
      },
    },
  },
};
const FINDINGS = {
  type: 'object',
  required: ['findings'],
  properties: {
    findings: {
      type: 'array',
      items: {
        type: 'object',
        required: ['file', 'line', 'what'],
        properties: { file: { type: 'string' }, line: { type: 'integer', minimum: 1 }, what: { type: 'string' } },
      },
    },
  },
};
const VERDICT = {
  type: 'object',
  required: ['holds', 'why'],
  properties: { holds: { type: 'boolean' }, why: { type: 'string', minLength: 20 } },
};

phase('Survey');
const survey = await agent(
  `Which directories of this project may answer "${question}"? Name each once, the most promising first.`,
  { label: 'survey', schema: AREAS, permissions: 'read-only' },
);
// An agent that failed, or was stopped, gives null. Say what that means; never go on as if it had found nothing.
if (!survey) return { question, error: 'the survey did not finish' };
const areas = survey.areas.slice(0, MOST_AREAS);
if (areas.length < survey.areas.length) log(`${survey.areas.length - areas.length} areas are left out`);

// A pipeline has no barrier: an area's findings are checked while another area is still being searched.
const searched = await pipeline(
  areas,
  ({ directory, why }) =>
    agent(`Search ${directory}: ${question}\nIt was chosen because: ${why}\nReport places, not opinions.`, {
      label: `search ${directory}`,
      phase: 'Search',
      schema: FINDINGS,
      permissions: 'read-only',
    }),
  (found) => found && parallel(found.findings.map((finding) => () => check(finding))),
);

/** Somebody else looks again and tries to refute it; a small model will do. */
async function check(finding) {
  const verdict = await agent(
    `"${finding.what}" is said of ${finding.file}:${finding.line}, as an answer to "${question}". Try to refute it.`,
    {
      label: `check ${finding.file}:${finding.line}`,
      phase: 'Search',
      schema: VERDICT,
      model: 'claude-haiku-5-5',
      permissions: 'read-only',
    },
  );
  return { ...finding, verdict: verdict === null ? 'unchecked' : verdict.holds ? 'confirmed' : 'refuted' };
}

phase('Report');
const unsearched = areas.filter((_, i) => !searched[i]).map(({ directory }) => directory);
if (unsearched.length > 0) log(`not searched: ${unsearched.join(', ')}`);
const findings = searched.filter(Boolean).flat().filter(Boolean);
const count = (verdict) => findings.filter((finding) => finding.verdict === verdict).length;
log(`${count('confirmed')} confirmed, ${count('unchecked')} unchecked, ${count('refuted')} refuted`);
return { question, findings: findings.filter(({ verdict }) => verdict !== 'refuted'), unsearched };
