import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

// The test projects: quick ones without processes, then the ones that start processes.

/**
 * Returns a project of tests that start processes.
 *
 * @param maxWorkers how many files run at once: more than one where no test measures the machine
 */
function processes(
  name: string,
  include: string[],
  order: number,
  maxWorkers = 1,
): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include,
      pool: 'forks',
      maxWorkers,
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
      processes('contract', ['test/contract/**/*.test.ts'], 1),
      processes('e2e', ['{packages/load/test,test/e2e,test/faults}/**/*.test.ts'], 2, 2),
      processes('transparency', ['test/transparency/**/*.test.ts'], 3),
      processes('pack', ['test/pack/**/*.test.ts'], 4),
      processes('docs', ['test/docs/**/*.test.ts'], 7),
      processes('frameworks', ['test/frameworks/**/*.test.ts'], 6),
      processes('system', ['test/system/**/*.test.ts'], 5),
    ],
  },
})
