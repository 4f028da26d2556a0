import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadFleet } from '../../../client/spec/load.ts';
import { FleetDirectory } from './fleet-directory.ts';

let directory: FleetDirectory;
beforeEach(() => {
  directory = new FleetDirectory({ 'notes.txt': 'a note', 'sub/': '' });
});
afterEach(() => directory[Symbol.dispose]());

const YAML = 'fleet.yaml';
const JSON_FILE = 'tasks.json';

describe('each fault says where, what, and what to write', () => {
  const faults: [title: string, as: string, text: string, expected: string][] = [
    [
      'broken YAML',
      YAML,
      'tasks:\n  - prompt: "open\n',
      'fleet.yaml:3:1: not YAML: Missing closing "quote; check indentation',
    ],
    ['a tab', YAML, 'tasks:\n\t- prompt: a\n', 'fleet.yaml:2:1: a tab indents this line; indent with spaces'],
    [
      'broken JSON',
      JSON_FILE,
      '{"tasks": [\n  {"prompt": "a",}\n]}',
      'tasks.json:2:18: not JSON: a comma too many; remove the comma',
    ],
    [
      'JSON cut short',
      JSON_FILE,
      '{"tasks": [{"prompt": "a"}',
      'tasks.json:1:27: not JSON: the file ends too early; close it with ]',
    ],
    ['an empty file', YAML, '', 'fleet.yaml:1:1: the file is empty; write `tasks:` with a list of tasks'],
    [
      'a repeated key',
      YAML,
      'tasks:\n  - prompt: a\n    prompt: b\n',
      'fleet.yaml:3:5: this key appears twice; keep one of them',
    ],
    [
      'a repeated JSON key',
      JSON_FILE,
      '[{"prompt": "a",\n"prompt": "b"}]',
      'tasks.json:2:1: the key "prompt" appears twice; keep one',
    ],
    ['a misspelt key', YAML, 'tasks:\n  - promt: a\n', 'fleet.yaml:2:5: `promt` is no key of a task; write `prompt`'],
    [
      'a misspelt fleet key',
      YAML,
      'maxConcurentAgents: 3\ntasks: [{prompt: a}]\n',
      'fleet.yaml:1:1: `maxConcurentAgents` is no key of a fleet; write `maxConcurrentAgents`',
    ],
    [
      'a misspelt JSON key',
      JSON_FILE,
      '[{"prompt": "a", "dependson": []}]',
      'tasks.json:1:18: `dependson` is no key of a task; write `depends_on`',
    ],
    [
      'a strange key',
      YAML,
      'tasks:\n  - prompt: a\n    colour: red\n',
      'fleet.yaml:3:5: `colour` is no key of a task; remove it; a task has label, prompt',
    ],
    [
      'snake_case in YAML',
      YAML,
      'tasks:\n  - prompt: a\n    max_turns: 3\n',
      'fleet.yaml:3:5: `max_turns` is not how YAML files spell it; write `maxTurns`',
    ],
    [
      'a key of a later stage',
      YAML,
      'hooks: {onCIFailure: x}\ntasks: [{prompt: a}]\n',
      'fleet.yaml:1:1: `hooks` is not supported yet; remove it',
    ],
    [
      'a later key in JSON',
      JSON_FILE,
      '[{"prompt": "a", "pull_request": "b"}]',
      'tasks.json:1:18: `pull_request` is not supported yet; remove it',
    ],
    [
      'a wrong type',
      YAML,
      'tasks:\n  - prompt: a\n    maxTurns: many\n',
      'fleet.yaml:3:15: `maxTurns` is the text "many"; write a whole number from 1',
    ],
    [
      'a missing prompt',
      YAML,
      'tasks:\n  - label: a\n',
      'fleet.yaml:2:5: `prompt` is missing; write a text that says what to do',
    ],
    [
      'a task that is none',
      YAML,
      'tasks:\n  - do it\n',
      'fleet.yaml:2:5: a task is the text "do it"; write {prompt: …}',
    ],
    [
      'equal labels',
      YAML,
      'tasks:\n  - {label: a, prompt: a}\n  - {label: a, prompt: b}\n',
      'fleet.yaml:3:13: the label "a" is already taken in line 2; write another label',
    ],
    [
      'a cycle',
      YAML,
      'tasks:\n  - {label: a, prompt: a, dependsOn: [b]}\n  - {label: b, prompt: b, dependsOn: [a]}\n',
      'fleet.yaml:2:38: tasks wait for each other: a → b → a; remove one',
    ],
    [
      'an unknown dependency',
      YAML,
      'tasks:\n  - {label: parser, prompt: a}\n  - {label: b, prompt: b, dependsOn: [praser]}\n',
      'fleet.yaml:3:39: `dependsOn` names the unknown task "praser"; write "parser"',
    ],
    [
      'a missing directory',
      YAML,
      'tasks:\n  - {prompt: a, workingDirectory: nope}\n',
      'fleet.yaml:2:35: the directory "nope" does not exist; write one relative to',
    ],
    [
      'a context file that climbs out',
      YAML,
      'tasks:\n  - prompt: a\n    context: {file: ../../etc/passwd}\n',
      'fleet.yaml:3:21: the context file "../../etc/passwd" lies outside the workspace',
    ],
    [
      'a context file out of a sub-workspace',
      YAML,
      'tasks:\n  - {prompt: a, workingDirectory: sub, context: {file: ../notes.txt}}\n',
      'fleet.yaml:2:56: the context file "../notes.txt" lies outside the workspace',
    ],
    [
      'a missing context file',
      YAML,
      'tasks:\n  - {prompt: a, context: [{file: nope.txt}]}\n',
      'fleet.yaml:2:34: the context file "nope.txt" does not exist',
    ],
    [
      'a permission out of the workspace',
      YAML,
      'tasks:\n  - {prompt: a, permissions: {allow: ["Edit(../x)"]}}\n',
      'fleet.yaml:2:39: the rule "Edit(../x)" leaves the workspace',
    ],
    [
      'a pattern nobody can read',
      YAML,
      'tasks:\n  - {prompt: a, permissions: {deny: ["Read(src/[ab)"]}}\n',
      'fleet.yaml:2:38: the rule "Read(src/[ab)" has a pattern that cannot be read; close the bracket',
    ],
    [
      'a tool nobody built',
      YAML,
      'tasks:\n  - {prompt: a, permissions: {allow: ["WebSearch(x)"]}}\n',
      'fleet.yaml:2:39: the rule "WebSearch(x)"',
    ],
    [
      'an unknown preset',
      YAML,
      'tasks:\n  - {prompt: a, permissions: all}\n',
      'fleet.yaml:2:30: `permissions` is the text "all"; write read-only, edit, full',
    ],
    ['no tasks in YAML', YAML, 'tasks: []\n', 'fleet.yaml:1:8: there are no tasks; write at least one task'],
    ['no tasks in JSON', JSON_FILE, '[]', 'tasks.json:1:1: there are no tasks; write at least one task'],
    [
      'an output schema without an object root',
      YAML,
      'tasks:\n  - prompt: a\n    outputSchema: {type: array}\n',
      'fleet.yaml:3:19: `outputSchema` is invalid: its root is not of type object',
    ],
    [
      'an invalid output schema',
      JSON_FILE,
      '[{"prompt": "a", "output_schema": {"type": "object", "properties": {"a": {"type": "strng"}}}}]',
      'tasks.json:1:35: `outputSchema` is invalid: /properties/a/type must be equal to one',
    ],
    [
      'a dangling reference',
      JSON_FILE,
      '[{"prompt": "a", "output_schema": {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}}]',
      "tasks.json:1:35: `outputSchema` is invalid: can't resolve reference",
    ],
    [
      'an unknown model',
      YAML,
      'tasks:\n  - {prompt: a, model: cloude}\n',
      'fleet.yaml:2:24: the model "cloude" is not known; write claude-sonnet-5-5',
    ],
    [
      'a bad duration',
      YAML,
      'tasks:\n  - {prompt: a, timeout: 10 minutes}\n',
      'fleet.yaml:2:26: `timeout` is the text "10 minutes"; write a number of milliseconds',
    ],
    [
      'an endless duration',
      YAML,
      'tasks:\n  - {prompt: a, timeout: 31d}\n',
      'fleet.yaml:2:26: `timeout` is "31d"; write a number of milliseconds',
    ],
    [
      'bad money',
      YAML,
      'maxBudgetUsd: -3\ntasks: [{prompt: a}]\n',
      'fleet.yaml:1:15: `maxBudgetUsd` is -3; write an amount of US dollars',
    ],
    [
      'an empty failIf',
      YAML,
      'failIf: {}\ntasks: [{prompt: a}]\n',
      'fleet.yaml:1:9: `failIf` says nothing; write {rate: 0.3} or {count: 5}',
    ],
    [
      'an unknown expression',
      YAML,
      'params: {lib: moment}\ntasks:\n  - prompt: drop ${{ params.lob }}\n',
      'fleet.yaml:3:13: `${{ params.lob }}` names nothing known; write `${{ params.lib }}`',
    ],
    [
      'a target without targets',
      YAML,
      'tasks:\n  - prompt: look at ${{ target.name }}\n',
      'fleet.yaml:2:13: `target.name` means nothing here',
    ],
    [
      'a password in a URL',
      YAML,
      'tasks:\n  - {prompt: a, repo: {url: "https://me:pw@host/a.git"}}\n',
      'fleet.yaml:2:29: the git URL holds a credential',
    ],
    ['targets without a task', YAML, 'targets: [sub]\n', 'fleet.yaml:1:1: `targets` has no `task`'],
    [
      'a missing target',
      YAML,
      'targets:\n  - nope\ntask: {prompt: a}\n',
      'fleet.yaml:2:5: the target "nope" does not exist',
    ],
    [
      'one label for all targets',
      YAML,
      'targets: [sub, .]\ntask:\n  label: x\n  prompt: a\n',
      'fleet.yaml:3:10: several targets get the label "x"; put ${{ target.name }}',
    ],
    [
      'eligible over URLs',
      YAML,
      'targets: ["https://host/a.git"]\neligible: test -f x\ntask: {prompt: a}\n',
      'fleet.yaml:2:1: `eligible` is not supported yet for git URLs',
    ],
  ];
  test.each(faults)('%s', async (_, as, text, expected) => {
    const before = [...directory.list(), as].sort();
    const found = await directory.faults(text, { as });
    expect(found.map((fault) => fault.slice(0, expected.length))).toContain(expected);
    expect(found).toHaveLength(1);
    expect(directory.list()).toEqual(before);
  });
});

test('a missing file is a fault like any other', async () => {
  const given = { cwd: directory.path, params: {}, overrides: {}, knownModels: () => true };
  await expect(loadFleet({ source: 'no.yaml', ...given })).rejects.toThrow('no.yaml:1:1: no such file');
});

test('all faults are told at once, in the order of the file', async () => {
  const text = `maxConcurrentAgents: 0
tasks:
  - label: a
    promt: x
    timeout: soon
  - prompt: 3
    model: cloude
    dependsOn: [a, c]
  - prompt: ok
    workingDirectory: nope
failIf: { rate: 2 }
`;
  const lines = (await directory.faults(text)).map((fault) => fault.split(':').slice(1, 3).join(':'));
  expect(lines).toEqual(['1:22', '4:5', '5:14', '6:13', '7:12', '8:20', '10:23', '11:17']);
});

test('the largest list is taken, one more is not, and both take seconds', async () => {
  const list = (count: number): string =>
    JSON.stringify(Array.from({ length: count }, (_, i) => ({ label: `t${i}`, prompt: 'look', max_turns: 3 })));
  const started = performance.now();
  await expect(directory.faults(list(100_001), { as: JSON_FILE })).resolves.toEqual([
    'tasks.json:1:1: 100001 tasks are more than 100000; split them over several files',
  ]);
  expect((await directory.load(list(100_000), { as: JSON_FILE })).tasks).toHaveLength(100_000);
  expect(performance.now() - started).toBeLessThan(15_000);
});

test('a prompt of 5 MB is too long, one of 1 MiB is not', async () => {
  const file = (length: number): string => JSON.stringify([{ prompt: 'x'.repeat(length) }]);
  await expect(directory.faults(file(5_000_000), { as: JSON_FILE })).resolves.toEqual([
    expect.stringContaining('tasks.json:1:12: `prompt` has 5000000 bytes'),
  ]);
  expect((await directory.load(file(1_048_576), { as: JSON_FILE })).tasks).toHaveLength(1);
});

test('more dependencies than one graph may hold are refused', async () => {
  const labels = Array.from({ length: 600 }, (_, i) => `t${i}`);
  const tasks = labels.map((label, i) => ({ label, prompt: 'a', depends_on: i < 100 ? [] : labels.slice(0, i) }));
  tasks.push(...Array.from({ length: 200 }, (_, i) => ({ label: `u${i}`, prompt: 'a', depends_on: labels })));
  const faults = await directory.faults(JSON.stringify({ tasks }), { as: JSON_FILE });
  expect(faults[0]).toMatch(/^tasks.json:1:10: \d+ dependencies are more than 250000/);
});

test('an alias bomb is refused', async () => {
  const levels = 'abcdef'.split('').map(
    (name, i, all) =>
      `${name}: &${name} [${Array(9)
        .fill(i ? `*${all[i - 1]}` : 'x')
        .join()}]`,
  );
  await expect(directory.faults(`${levels.join('\n')}\ntasks: [*f]\n`)).resolves.toEqual([
    expect.stringContaining('alias'),
  ]);
});

test.each([
  [
    'an alias inside of what it names',
    'tasks:\n  - prompt: a\n    context: &c { x: *c }\n',
    'fleet.yaml:1:1: YAML: an alias lies inside',
  ],
  ['300 levels', `tasks: ${'['.repeat(300)}${']'.repeat(300)}\n`, 'fleet.yaml:1:1: YAML: nested deeper than 200'],
  ['20,000 levels', `tasks: ${'['.repeat(20_000)}\n`, 'fleet.yaml:1:'],
])('%s: one fault, no overflow', async (_, text, expected) => {
  const found = await directory.faults(text);
  expect(found[0]).toContain(expected);
  expect(found.length).toBeLessThan(30);
});
