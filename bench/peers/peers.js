import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

// What is compared, and how each is started and restarted, as its own documentation says. Where a tool needs another to
// restart at all, it gets the best that there is without endless: a rolling restart of node:cluster.

const endless = fileURLToPath(new URL('../../packages/cli/bin/endless.js', import.meta.url))
const app = (name) => `apps/${name}.mjs`

/**
 * One peer. `command` starts it with `count` workers, in the folder of the installed peers; `restart` is a command for
 * the shell, or SIGHUP to the process that was started. `kept` says how a version that turns bad can be taken back.
 *
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} [package] whose version is told
 * @property {string[]} [debian] command that tells its version
 * @property {number} workers how many it has in the rehearsals
 * @property {(given: Given) => string[]} command
 * @property {(given: Given) => string} [restart]
 * @property {(given: Given) => string} [probation] a restart that takes back a version that turns bad
 * @property {boolean} [isOther] not Node: its requests per second are not compared
 * @property {string} note how it was set up
 *
 * @typedef {object} Given
 * @property {string} node
 * @property {string} folder of this run, for sockets and files of the peer
 * @property {number} workers
 */

const node = (name) => (given) => [given.node, app(name)]
const roll = (name) => (given) => [given.node, app('roll'), `./${name}.mjs`, String(given.workers)]
const ask = (words) => (given) =>
  `${given.node} ${endless} ${words} --control ${given.folder}/control`
const probation = ask('restart --probation 30s --max-errors 5%')

/** @type {Peer[]} */
export const peers = [
  {
    name: 'endless',
    own: true,
    workers: 1,
    command: node('endless'),
    probation,
    note: '`endless(server).listen(…)`, SIGHUP',
  },
  {
    name: 'endless run',
    own: true,
    workers: 1,
    command: (given) => [
      ...[given.node, endless, 'run', '--control', `${given.folder}/control`],
      app('plain'),
    ],
    probation,
    note: '`endless run app.js`, a program that knows nothing of it, SIGHUP',
  },
  {
    name: 'endless run --workers 2',
    own: true,
    workers: 2,
    command: (given) => [
      ...[given.node, endless, 'run', '--control', `${given.folder}/control`],
      ...['--workers', String(given.workers), app('plain')],
    ],
    probation,
    note: 'the same with two workers',
  },
  {
    name: 'server.close(), started again',
    workers: 1,
    command: node('close'),
    note: '`server.close()` on the signal, then a new start, as a service manager does it',
  },
  ...[
    ['server.close()', 'close', undefined, '`server.close()` on SIGTERM'],
    ['stoppable', 'stoppable', 'stoppable', '`server.stop()` on SIGTERM'],
    ['http-terminator', 'http-terminator', 'http-terminator', '`terminate()` on SIGTERM'],
    ['terminus', 'terminus', '@godaddy/terminus', '`createTerminus(server)`'],
    [
      'http-graceful-shutdown',
      'http-graceful-shutdown',
      'http-graceful-shutdown',
      '`gracefulShutdown(server)`',
    ],
    [
      'close-with-grace',
      'close-with-grace',
      'close-with-grace',
      'with Fastify, as its README says',
    ],
  ].map(([name, program, from, note]) => ({
    name: `${name} in node:cluster`,
    package: from,
    workers: 2,
    command: roll(program),
    note: `${note}, in a rolling restart of two workers of node:cluster`,
  })),
  {
    name: '@fastify/restartable',
    package: '@fastify/restartable',
    workers: 1,
    command: node('restartable'),
    note: '`app.restart()`: a new app in the same process, with the code that it has loaded',
  },
  {
    name: 'PM2 reload',
    package: 'pm2',
    workers: 2,
    command: (given) => pm2(given, app('plain'), ['-i', String(given.workers)]),
    restart: (given) => `PM2_HOME=${given.folder} ${given.node} ${pm2Command} reload all`,
    note: '`pm2 reload` of two instances in cluster mode',
  },
  {
    name: 'PM2 reload, graceful',
    package: 'pm2',
    workers: 2,
    command: (given) => pm2(given, 'apps/ecosystem.config.cjs', []),
    restart: (given) => `PM2_HOME=${given.folder} ${given.node} ${pm2Command} reload all`,
    note: 'the same with `wait_ready`, `kill_timeout` and SIGINT, as its documentation says',
  },
  {
    name: 'Watt',
    package: 'wattpm',
    workers: 2,
    command: (given) => [
      'sh',
      '-c',
      `${given.node} apps/watt.mjs ${given.folder} ${given.workers} && ` +
        `exec ${given.node} node_modules/wattpm/bin/cli.js start ${given.folder}`,
    ],
    restart: (given) =>
      `${given.node} node_modules/wattpm/bin/cli.js restart ${basename(given.folder)}`,
    note: '`wattpm restart` of two workers, which are threads',
  },
  {
    name: 'nginx before two processes',
    debian: ['nginx', '-v'],
    workers: 2,
    command: node('behind-nginx'),
    note: 'nginx with `proxy_next_upstream`, `server.close()`, one process after the other',
  },
  {
    name: 'gunicorn',
    debian: ['gunicorn', '--version'],
    isOther: true,
    workers: 2,
    command: (given) => [
      'sh',
      '-c',
      `exec gunicorn --chdir apps --workers ${given.workers} --worker-class gthread --threads 8 ` +
        '--keep-alive 5 --log-level warning --bind 127.0.0.1:$PORT app:app',
    ],
    note: 'SIGHUP, threads, two workers',
  },
  {
    name: 'Puma',
    debian: ['puma', '--version'],
    isOther: true,
    workers: 2,
    command: (given) => [
      'sh',
      '-c',
      `exec puma --workers ${given.workers} --threads 8:8 --quiet --environment production ` +
        `--pidfile ${given.folder}/puma.pid --bind tcp://127.0.0.1:$PORT apps/config.ru`,
    ],
    restart: (given) => `kill -USR1 $(cat ${given.folder}/puma.pid)`,
    note: 'phased restart by SIGUSR1, two workers',
  },
]

const pm2Command = 'node_modules/pm2/bin/pm2'

function pm2({ node, folder, workers }, program, options) {
  const words = ['node_modules/pm2/bin/pm2-runtime', 'start', program, ...options]
  return ['env', `PM2_HOME=${folder}`, `WORKERS=${workers}`, node, ...words]
}
