import type dgram = require('node:dgram')
import type net = require('node:net')
import type { Worker } from 'node:worker_threads'
import type { RegisterRecord } from './node/register-record.js' with { 'resolution-mode': 'import' }
import type { Start } from './node/start-arguments.js' with { 'resolution-mode': 'import' }

// The preload `@endless/core/register`: makes each server of a program endless when it listens, and each UDP socket
// when it is bound, without a line of code. CommonJS, so that both `--import` and `--require` of it work, and no loader is started for
// it. A program that never listens pays for this file alone. See docs/decisions.md, "Register loads core late"

const recordKey = Symbol.for('@endless/core:register')
const inheritanceKey = Symbol.for('@endless/core:inheritance')
const startKey = Symbol.for('@endless/core:start')

type Listen = (this: net.Server, ...args: unknown[]) => net.Server
type Bind = (this: dgram.Socket, ...args: unknown[]) => dgram.Socket

function register(): void {
  // Twice in one process: by `endless run`, and by NODE_OPTIONS.
  if (Object.hasOwn(globalThis, recordKey)) return
  // Where Node has not run the preload of a generation: before the program sees how it was started.
  if (process.env['NODE_ENDLESS'] !== undefined) entry().enter()
  // As in preload.ts, which may have done so.
  if (!Object.hasOwn(globalThis, startKey)) {
    const start: Start = {
      argv: [...process.argv],
      execArgv: [...process.execArgv],
      directory: currentDirectory(),
      places: programPlaces(process.argv[1]),
    }
    Object.defineProperty(globalThis, startKey, { value: start })
  }
  const record: RegisterRecord = { listensOfThreads: new Map(), hideFromChildren }
  Object.defineProperty(globalThis, recordKey, { value: record })
  // A generation is a service: what is wrong fails its restart before the program has done anything.
  if (Object.hasOwn(globalThis, inheritanceKey)) {
    const { places } = (globalThis as Record<symbol, Start | undefined>)[startKey] ?? { places: [] }
    outside().readManifestOptions(places, process.geteuid?.())
  }
  const { Server } = require('node:net') as typeof net
  // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to a server below
  const listen = Server.prototype.listen as Listen
  Server.prototype.listen = function (this: net.Server, ...args: unknown[]): net.Server {
    // A server with a `listen` of its own is endless already, or another library's.
    if (!Object.hasOwn(this, 'listen')) {
      taking().takeAtListen(this, args)
      if (Object.hasOwn(this, 'listen')) return (this.listen as Listen)(...args)
    }
    return listen.apply(this, args)
  } as typeof Server.prototype.listen
  const { Socket } = require('node:dgram') as typeof dgram
  // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to a socket below
  const bind = Socket.prototype.bind as Bind
  Socket.prototype.bind = function (this: dgram.Socket, ...args: unknown[]): dgram.Socket {
    if (isFixedPort(args[0])) takingUdp().takeAtBind(this)
    return bind.apply(this, args)
  } as typeof Socket.prototype.bind
  process.on('worker', (worker: Worker) => {
    threads().watchThread(worker, record)
  })
}

/** As `programPlaces` of manifest.ts. */
function programPlaces(script = ''): string[] {
  const { native } = (require('node:fs') as typeof import('node:fs')).realpathSync
  const { basename, dirname, join } = require('node:path') as typeof import('node:path')
  try {
    return [join(native(dirname(script)), basename(script)), native(script)]
  } catch {
    return [script]
  }
}

/** Whether what `bind` got first is a port that the next generation binds too, or options with such a port. */
function isFixedPort(first: unknown): boolean {
  const port =
    typeof first === 'object' && first !== null ? (first as { port?: unknown }).port : first
  return Number(port) > 0
}

function currentDirectory(): string {
  try {
    return process.cwd()
  } catch {
    return '' // the directory has been deleted
  }
}

function entry(): typeof import('./launch/preload.js', { with: { 'resolution-mode': 'import' } }) {
  return require('./launch/preload.js') as ReturnType<typeof entry>
}

function taking(): typeof import('./process/take-at-listen.js', {
  with: { 'resolution-mode': 'import' },
}) {
  return require('./process/take-at-listen.js') as ReturnType<typeof taking>
}

function outside(): typeof import('./process/parts/outside-options.js', {
  with: { 'resolution-mode': 'import' },
}) {
  return require('./process/parts/outside-options.js') as ReturnType<typeof outside>
}

function takingUdp(): typeof import('./process/take-at-bind.js', {
  with: { 'resolution-mode': 'import' },
}) {
  return require('./process/take-at-bind.js') as ReturnType<typeof takingUdp>
}

function threads(): typeof import('./node/threads.js', { with: { 'resolution-mode': 'import' } }) {
  return require('./node/threads.js') as ReturnType<typeof threads>
}

/** Options of Node that load a file before the program. */
const preloadOption = /^(?:--import|--require|-r)(?:=(.*))?$/

/**
 * Takes this preload out of what children of this process inherit: `fork()` passes `process.execArgv` on, and
 * each child gets `NODE_OPTIONS`. One process of a tree is the service.
 */
function hideFromChildren(): void {
  const { execArgv, env } = process
  const kept = without(execArgv)
  execArgv.splice(0, execArgv.length, ...kept)
  // Elsewhere the successor's environment is this one, and it has to have the option.
  const { NODE_OPTIONS: given } = env
  if (given === undefined || process.platform !== 'linux') return
  const left = without(given.split(' ')).join(' ')
  if (left === given) return
  if (left === '') delete env['NODE_OPTIONS']
  else env['NODE_OPTIONS'] = left
}

/** Returns options without those that load this file. */
function without(options: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at < options.length; at++) {
    const option = options[at] ?? ''
    const [isPreload, joined] = preloadOption.exec(option) ?? []
    const isApart = isPreload !== undefined && joined === undefined
    if (isPreload !== undefined && isThisFile(joined ?? options[at + 1] ?? '')) {
      if (isApart) at++
    } else kept.push(option)
  }
  return kept
}

function isThisFile(specifier: string): boolean {
  const text = specifier.replaceAll('"', '')
  if (text === '@endless/core/register') return true
  const { realpathSync } = require('node:fs') as typeof import('node:fs')
  const { fileURLToPath } = require('node:url') as typeof import('node:url')
  try {
    return realpathSync(text.startsWith('file:') ? fileURLToPath(text) : text) === __filename
  } catch {
    return false // the name of another package, or no file
  }
}

register()
