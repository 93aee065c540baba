import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import globals from 'globals'
import tseslint from 'typescript-eslint'
import { classFiles } from './lint/class-files.js'
import { nodeNames } from './lint/node-names.js'

const tests = ['**/test/**/*.ts', '**/*.test.ts', '**/*.test-d.ts']

export default defineConfig(
  globalIgnores(['**/dist/', '**/coverage/', '**/node_modules/', '.cache/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: globals.node },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs' },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', caughtErrors: 'all', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off', // `void | Promise<void>` is what a hook returns
      '@typescript-eslint/unified-signatures': 'off', // Node documents its overloads one by one
      '@typescript-eslint/require-await': 'off', // an async function without await turns a throw into a rejection
      'no-control-regex': 'off',
      eqeqeq: ['error', 'always'],
    },
  },
  {
    files: ['packages/core/src/**/*.ts'],
    // The outside world comes in through node/system.ts, so that tests can replace it. The preload runs before
    // there is anything to replace, and arranges the process itself.
    ignores: ['packages/core/src/node/system.ts', 'packages/core/src/launch/preload.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        ...['node:process', 'node:child_process'].map((name) => ({
          name,
          message: 'Take it from node/system.ts.',
          allowTypeImports: true,
        })),
      ],
    },
  },
  ...nodeNames,
  classFiles,
  {
    files: ['**/*.test-d.ts'],
    // What must not compile counts as a call of the first overload.
    rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' },
  },
  {
    files: tests,
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // Koa's handlers return a promise, and Node does not mind.
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false } },
      ],
    },
  },
)
