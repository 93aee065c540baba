import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, startProgram, until } from '@endless/load'
import { pm2Runtime } from './pm2.js'

// Starts an app of bench/apps in several processes: under `endless run --workers`, with node:cluster, under PM2.

const DEADLINE_MS = 60_000
const AT_ONCE = 8

const appFile = (name) => fileURLToPath(new URL(`../apps/${name}.mjs`, import.meta.url))
const endless = fileURLToPath(new URL('../../packages/cli/bin/endless.js', import.meta.url))

/** How to start an app in several processes, by the name of the way. */
export const ways = {
  endless: (app, workers, env) => startWorkers(app, workers, { env }),
  cluster: (app, workers, env) =>
    startOther(workers, {
      args: [appFile('clustered')],
      env: { ...env, APP: app, WORKERS: String(workers) },
    }),
  PM2: (app, workers, env) =>
    startOther(workers, {
      args: [pm2Runtime(), 'start', appFile(app), '-i', String(workers), '--', '--bare'],
      env: { ...env, PM2_HOME: temporary() },
    }),
}

/**
 * Starts an app under `endless run --workers`; resolves when all workers serve.
 *
 * @param {string} app
 * @param {number} workers
 * @param {{ env?: NodeJS.ProcessEnv, runArgs?: string[] }} [options]
 */
export async function startWorkers(app, workers, { env, runArgs = [] } = {}) {
  const control = join(temporary(), 'control.sock')
  const run = ['run', '--control', control, '--workers', String(workers), ...runArgs]
  const program = startProgram({
    args: [endless, ...run, appFile(app)],
    env: { PORT: '0', ...env },
  })
  const explain = () => program.output.toString()
  await until(() => program.generations.length === workers, {
    step: `${workers} workers serve`,
    deadlineMs: DEADLINE_MS,
    explain,
  })
  const status = () => ask(control, 'GET', '/status')
  return {
    program,
    port: program.current.port,
    status,
    /** Restarts all workers; resolves with the report, or with `{ error }`. */
    restart: () => ask(control, 'POST', '/restart'),
    /** Resolves with the generations that serve, when each slot has one and nothing else. */
    settled: () =>
      until(
        async () => {
          const { generations } = await status()
          const isSettled =
            generations.length === workers && generations.every(({ state }) => state === 'running')
          return isSettled && generations
        },
        { step: 'each worker serves', deadlineMs: DEADLINE_MS, explain },
      ),
  }
}

async function startOther(workers, { args, env }) {
  const port = await freePort()
  const program = startProgram({ args, env: { ...env, PORT: String(port) } })
  const found = new Set()
  await until(
    async () => {
      for (const pid of await Promise.all(Array.from({ length: AT_ONCE }, () => pidAt(port)))) {
        if (pid !== undefined) found.add(pid)
      }
      return found.size === workers
    },
    {
      step: `${workers} workers answer`,
      deadlineMs: DEADLINE_MS,
      explain: () => program.output.toString(),
    },
  )
  return { program, port }
}

/** Resolves with the pid that answers on a fresh connection; `undefined` while nothing does. */
function pidAt(port) {
  return new Promise((resolve) => {
    http
      .get({ host: '127.0.0.1', port, agent: false }, (response) => {
        response.resume()
        response.on('end', () => resolve(response.headers['x-pid']))
      })
      .on('error', () => resolve(undefined))
  })
}

function ask(socketPath, method, path) {
  return new Promise((resolve, reject) => {
    http
      .request({ socketPath, method, path, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
        response.on('end', () => resolve(JSON.parse(text)))
      })
      .on('error', reject)
      .end()
  })
}

function temporary() {
  const folder = mkdtempSync(join(tmpdir(), 'endless-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}
