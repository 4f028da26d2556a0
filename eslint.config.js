import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const rooms = [
  'artifacts',
  'claude',
  'subagent',
  'tools',
  'workspace',
  'targets',
  'observe',
  'sandbox',
  'egress',
  'mcp',
  'spawn',
  'script',
  'rollout',
  'encryption',
];

/** One zone: files under `target` may not import (types included) anything under `from`. */
const zone = (target, from, message, except = []) => ({ target, from, message, except });

/** House style §2: arrows run inward. */
const inward = [
  ...['./workflows', './activities', './workers', './client'].map((target) =>
    zone(target, './test', 'nothing imports test'),
  ),
  ...['./workflows', './activities', './workers'].map((target) => zone(target, './client', 'nothing imports client')),
  ...['./workflows', './activities', './client'].map((target) => zone(target, './workers', 'nothing imports workers')),
  zone('./workflows', './activities', 'workflows know activities by workflows/contract/activities.ts alone'),
  zone('./workflows/contract', './workflows', 'the contract stands alone', ['./contract']),
  zone('./workflows/policy', './workflows', 'policy sees the contract alone', ['./contract', './policy']),
];

/** Rooms of activities receive each other as arguments: a sibling may be named as a type, never imported by value. */
const siblings = rooms.map((room) => ({
  files: [`activities/${room}/**/*.ts`],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          ...rooms
            .filter((other) => other !== room && other !== 'observe')
            .map((other) => ({
              group: [`**/${other}/*.ts`],
              allowTypeImports: true,
              message: 'sibling rooms are wired in workers/composition.ts',
            })),
          ...(room === 'claude'
            ? []
            : [
                {
                  group: ['@anthropic-ai/sdk', '@anthropic-ai/sdk/*'],
                  allowTypeImports: true,
                  message: 'activities/claude owns the SDK',
                },
              ]),
        ],
      },
    ],
  },
}));

/** Workflow scripts: bodies of functions, with a `return` of their own. */
const scripts = ['client/spec/init-templates/*.js', 'test/fixtures/scripts/*.js'];

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '.muster/**', 'bin/**', '*.config.js', ...scripts] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver({ project: './tsconfig.json' })] },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones: inward }],
      'import-x/no-default-export': 'error',
    },
  },
  { files: ['vitest.config.ts', 'test/**/*.ts'], rules: { 'import-x/no-default-export': 'off' } },
  ...siblings,
  {
    // Zod runs at the doors: one schema by value adds a megabyte to the bundle and breaks old histories when tightened.
    files: ['workflows/**/*.ts'],
    ignores: ['workflows/contract/*.schema.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [{ name: 'zod', message: 'zod stays out of replaying code' }],
          patterns: [
            { group: ['**/*.schema.ts'], allowTypeImports: true, message: 'schemas enter workflows as types only' },
            {
              group: ['node:*', '@temporalio/client', '@temporalio/worker', '@temporalio/activity'],
              message: 'workflow code has no I/O',
            },
          ],
        },
      ],
      'no-restricted-globals': [
        'error',
        { name: 'Intl', message: 'reads the real clock inside the sandbox (reference/temporal.md D5)' },
        { name: 'process', message: 'no environment in workflow code' },
        { name: 'Buffer', message: 'absent in the workflow sandbox' },
      ],
    },
  },
  {
    // Only two files read the environment.
    files: ['activities/**/*.ts', 'workflows/**/*.ts', 'workers/**/*.ts', 'client/**/*.ts'],
    ignores: ['workers/config.ts', 'client/config.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'workers/config.ts and client/config.ts read the environment' },
      ],
    },
  },
);
