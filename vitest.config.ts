import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

// The test projects: quick ones without processes, then the ones that start processes.

/** Returns a project of tests that start processes. One file at a time: others would disturb its timing. */
function serial(name: string, include: string[], order: number): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include,
      pool: 'forks',
      fileParallelism: false,
      sequence: { groupOrder: order },
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  }
}

export default defineConfig({
  test: {
    // A test that fails now and then shows a bug, in the test or in the code; a retry would only hide it.
    retry: 0,
    teardownTimeout: 10_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'test/lint/**/*.test.ts'],
          exclude: ['packages/load/**'], // they start processes
          pool: 'forks',
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['packages/*/test/**/*.test-d.ts'],
            tsconfig: 'test/typescript/tsconfig.types.json',
          },
        },
      },
      serial('contract', ['test/contract/**/*.test.ts'], 1),
      serial('e2e', ['{packages/load/test,test/e2e,test/faults}/**/*.test.ts'], 2),
      serial('transparency', ['test/transparency/**/*.test.ts'], 3),
      serial('pack', ['test/pack/**/*.test.ts'], 4),
      serial('docs', ['test/docs/**/*.test.ts'], 7),
      serial('frameworks', ['test/frameworks/**/*.test.ts'], 6),
      serial('system', ['test/system/**/*.test.ts'], 5),
    ],
  },
})
