import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

/** Tests that start processes: one file after the other, since what they measure is disturbed by a neighbour. */
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
    // A test that fails once in a while is a bug, of the test or of the code; a retry would only hide it.
    retry: 0,
    teardownTimeout: 10_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts'],
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
      serial('e2e', ['{packages/load/test,test/e2e}/**/*.test.ts'], 2),
      serial('pack', ['test/pack/**/*.test.ts'], 3),
      serial('system', ['test/system/**/*.test.ts'], 4),
    ],
  },
})
