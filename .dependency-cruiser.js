// Which file may import which; `npm run lint` checks it. Type imports count.

/**
 * The folders of each package, from the lowest to the highest. A folder imports only itself and the folders
 * before it; the files at the root of `src` stand above them all.
 */
const layers = {
  'packages/core/src': [
    'node',
    'node/internals',
    'api',
    'line',
    'listeners',
    'migration',
    'connections',
    'service-manager',
    'control',
    'server',
    'handoff',
    'launch',
    'process/parts',
    'process',
  ],
  'packages/cli/src': ['control', 'supervisor', 'supervisor/front', 'commands'],
  'packages/rehearse/src': ['record', 'wire', 'traffic', 'service', 'report', 'page', 'terminal'],
  'packages/load/src': ['program', 'torture', 'traffic', 'chaos', 'faults'],
  'packages/simulate/src': ['kernel', 'process', 'world', 'traffic', 'run'],
}

/** The only files at the root of core. */
const faces = [
  'index',
  'endless',
  'go',
  'certificate',
  'web-sockets',
  'register',
  'for-cli',
  'for-cli-later',
]

/** `supervisor/` without `supervisor/front/`: the files of a folder, and not those of the folders in it. */
const filesOf = (root, folder) => `^${root}/${folder}/[^/]+$`

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'Two files that need each other are one file, or a type lives too high.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...Object.entries(layers).flatMap(([root, folders]) =>
      folders.map((folder, at) => ({
        name: `${root.split('/')[1]}/${folder}-imports-nothing-above`,
        severity: 'error',
        from: { path: filesOf(root, folder) },
        to: {
          path: [`^${root}/[^/]+$`, ...folders.slice(at + 1).map((above) => filesOf(root, above))],
        },
      })),
    ),
    {
      name: 'every-folder-has-a-place',
      comment: 'A new folder is added to the layers above.',
      severity: 'error',
      from: {
        path: Object.keys(layers).map((root) => `^${root}/[^/]+/`),
        pathNot: Object.entries(layers).flatMap(([root, folders]) =>
          folders.map((folder) => filesOf(root, folder)),
        ),
      },
      to: {},
    },
    {
      name: 'only-faces-at-the-root',
      comment: 'What is not public belongs into a folder.',
      severity: 'error',
      from: { path: '^packages/core/src/[^/]+$', pathNot: `/(?:${faces.join('|')})[.]c?ts$` },
      to: {},
    },
    {
      name: 'for-the-cli-alone',
      comment: 'for-cli.ts and for-cli-later.ts are internal: they change without notice.',
      severity: 'error',
      // The tests of the command, and the one that compiles all published declarations.
      from: {
        pathNot: [
          '^packages/cli/',
          '^test/e2e/(?:commands|control)[.]test[.]ts$',
          '^test/typescript/',
        ],
      },
      to: { path: '^packages/core/(?:src|dist)/for-cli' },
    },
    {
      name: 'packages-do-not-reach-into-each-other',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/' },
      to: { path: '^packages/[^/]+/src/', pathNot: '^packages/$1/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: '^test/fixtures/|/node_modules/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
