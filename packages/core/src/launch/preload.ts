import { realpathSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import net from 'node:net'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads'
import type * as protocol from '../handoff/protocol.js'
import type { Channel } from '../line/channel.js'
import type { Passable, PassedListener, PassedUdpSocket } from '../listeners/passed-listener.js'
import { type ReadHandle, readCarefully } from '../node/internals/channel-reading.js'
import type { Start } from '../node/start-arguments.js'

// How a process comes in that was started by a generation or a supervisor. Node runs this before the
// application's first line (`--require`), as a file that has nothing beside it; where Node has not done so, core
// does the same when it is loaded. So it imports nothing but Node and one file that imports nothing, which
// scripts/preload-text.js puts into it; and some constants of protocol.ts, channel.ts, error-report.ts, last-words.ts
// and start-arguments.ts are written out here; preload.test.ts compares them.
// See docs/decisions.md, "The preload is a help and no condition"
const protocolVersion = 1
const command = 'NODE_ENDLESS'
const longestReport = 16_384
const inheritanceKey = Symbol.for('@endless/core:inheritance')
const strangerKey = Symbol.for('@endless/core:stranger')
const startKey = Symbol.for('@endless/core:start')
const welcomeKey = Symbol.for('@endless/core:welcome')
const entryVariable = 'NODE_ENDLESS'
const keptChars = 16_384
/** Under which a process tells its threads what they register. */
const registerName = '@endless/core:register'

type RawHandle = Parameters<SuccessorChannel['onMessage']>[1]
type SuccessorChannel = Channel<protocol.ToPredecessor, protocol.ToSuccessor>

/** Everything that Node's IPC channel puts on `process` (lib/internal/child_process.js). */
const channelProperties = [
  'channel',
  'connected',
  'send',
  'disconnect',
  '_send',
  '_disconnect',
  '_channel',
  '_handleQueue',
  '_pendingMessage',
  '_closesGot', // counted when the channel closes, as if `process` were a child
]

/** A channel that can be written to in the last moment of the process. */
interface DyingChannel extends SuccessorChannel {
  /**
   * Writes a report at once, behind the text that waits. Node would keep it while a handle waits for its
   * acknowledgement (lib/internal/child_process.js, _send), for which there is no time.
   */
  sendLast(report: protocol.ToPredecessor): void
}

interface ChannelHandle extends ReadHandle {
  readonly writeQueueSize: number
}

interface ChannelEnd {
  channel: { ref(): void; unref(): void }
  _send(message: object, handle: RawHandle, options: object, callback: unknown): void
}

/**
 * Hides Node's IPC channel from the application, and returns it: `process.send` and its relatives are
 * `undefined` except while Node's own code handles the channel, and no event of the channel reaches the
 * application. All of this is undone when the channel has closed.
 * See docs/decisions.md, "The channel is hidden by accessors"
 *
 * @param onGarbage called with the reason when the parent has sent anything but a message
 */
function takeChannel(onGarbage: (reason: unknown) => void): DyingChannel {
  const handleKey = Object.getOwnPropertySymbols(process).find(
    (symbol) => symbol.description === 'kChannelHandle',
  )
  const properties = process as unknown as Record<string | symbol, unknown>
  const control = (process as unknown as ChannelEnd).channel
  let inside = 0

  function within<A extends unknown[], R>(body: (this: unknown, ...args: A) => R) {
    return function (this: unknown, ...args: A): R {
      inside++
      try {
        return body.apply(this, args)
      } finally {
        inside--
      }
    }
  }

  for (const name of channelProperties) {
    // '_channel' is a deprecated accessor for 'channel': reading it would warn.
    let value: unknown = name === '_channel' ? control : properties[name]
    Object.defineProperty(process, name, {
      configurable: true,
      enumerable: false,
      get: () => (inside > 0 ? value : undefined),
      set: (next: unknown) => (value = next),
    })
  }
  const isHandleInFlight = within(() => Boolean(properties['_handleQueue']))
  const handle = handleKey && (properties[handleKey] as ChannelHandle)
  if (handle) {
    readCarefully(handle, within(handle.onread), {
      onGarbage,
      onEnd() {
        // If a handle waits for its acknowledgement, which cannot come any more, Node postpones 'disconnect' for
        // ever (lib/internal/child_process.js, target.disconnect).
        if (isHandleInFlight()) process.nextTick(emit, 'disconnect')
      },
    })
  }

  let settleClosed: () => void = () => undefined
  const closed = new Promise<void>((resolve) => (settleClosed = resolve))
  const write = within(
    (message: protocol.ToPredecessor, handle?: RawHandle) =>
      new Promise<void>((resolve, reject) => {
        const end = process as unknown as ChannelEnd
        if (!(end.channel as unknown)) {
          // As `PeerGone` of line/peer-gone.ts, which cannot be imported here.
          const code = 'ERR_IPC_CHANNEL_CLOSED'
          reject(Object.assign(new Error('the other process is gone'), { code }))
          return
        }
        end._send({ cmd: command, ...message }, handle, {}, (error: Error | null) => {
          if (error) reject(error)
          else resolve()
        })
      }),
  )
  // Text waits, and loses its beginning, while the other end does not read.
  // See docs/decisions.md, "Only text is dropped on a line"
  const isBackedUp = within(
    () => (handle?.writeQueueSize ?? 0) > 0 || Boolean(properties['_handleQueue']),
  )
  let text = ''
  let isTextWaiting = false
  /** What Node keeps: text that was sent while a handle waited. */
  let kept = ''
  let sends = 0
  const writeText = (): void => {
    if (text === '') return
    sends++
    if (isHandleInFlight()) kept = (kept + text).slice(-keptChars)
    const written = write({ type: 'stderr', text })
      .catch(() => undefined)
      .then(() => {
        if (--sends === 0) kept = ''
      })
    text = ''
    if (!isBackedUp()) return
    isTextWaiting = true
    void written.then(() => {
      isTextWaiting = false
      writeText()
    })
  }

  const sendLast = within((report: protocol.ToPredecessor) => {
    const waiting = properties['_handleQueue']
    properties['_handleQueue'] = null
    const all = (kept + text).slice(-keptChars)
    const last: protocol.ToPredecessor[] = all === '' ? [] : [{ type: 'stderr', text: all }]
    text = kept = ''
    for (const message of [...last, report]) write(message).catch(() => undefined)
    properties['_handleQueue'] = waiting
  })

  const channel: DyingChannel = {
    sendLast,
    send: (message, handle) => {
      if (message.type === 'stderr') {
        text = (text + message.text).slice(-keptChars)
        if (!isTextWaiting) writeText()
        return Promise.resolve()
      }
      writeText()
      return write(message, handle)
    },
    onMessage: () => undefined,
    onHandleAnswer: () => undefined,
    closed,
    ref: () => {
      control.ref()
    },
    unref: () => {
      control.unref()
    },
  }

  const nodeListeners = process.rawListeners('internalMessage') as ((...args: unknown[]) => void)[]
  // eslint-disable-next-line @typescript-eslint/unbound-method -- always applied to `process`
  const originalEmit = process.emit as (...args: unknown[]) => boolean
  const emit = (...args: unknown[]): boolean => {
    const [event, message, handle] = args as [unknown, { cmd?: unknown } | undefined, RawHandle]
    if (event === 'internalMessage') {
      if (message?.cmd === command) {
        channel.onMessage(message as unknown as protocol.ToSuccessor, handle)
      } else {
        const isAnswer = message?.cmd === 'NODE_HANDLE_ACK' || message?.cmd === 'NODE_HANDLE_NACK'
        // What the application wrote to the channel may be answered. Node would fail an assertion
        // (lib/internal/child_process.js, handleMessage). See docs/decisions.md, "Garbage on a channel ends no process"
        if (isAnswer && !isHandleInFlight()) return true
        // Only Node handles the messages that pass a handle on or acknowledge one.
        for (const listener of nodeListeners) within(listener).call(process, message, handle)
        if (isAnswer) channel.onHandleAnswer(message.cmd === 'NODE_HANDLE_ACK')
      }
      return true
    }
    if (event === 'disconnect') {
      for (const name of channelProperties) Reflect.deleteProperty(process, name)
      if (properties['emit'] === emit) Reflect.deleteProperty(process, 'emit')
      settleClosed()
      return true
    }
    return originalEmit.apply(process, args)
  }
  Object.defineProperty(process, 'emit', {
    configurable: true,
    enumerable: false,
    writable: true,
    value: emit,
  })
  return channel
}

/**
 * Returns where the main module, or one that it imports, has a syntax error: `file:///srv/app.js:3`. Node prints that,
 * and nothing in the error has it. So another Node is asked to link the same modules, and evaluates none of them:
 * the module that is evaluated first ends it.
 */
function placeOfSyntaxError(error: SyntaxError): string | undefined {
  const [, main] = process.argv
  // With a place in the text that was read, it is no module of the program that is at fault.
  if (main === undefined || /(?:file:\/\/|[( ])\/.*:\d+/.test(error.stack ?? '')) return undefined
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const modules = ['data:text/javascript,process.exit()', pathToFileURL(main).href]
  const text = modules.map((url) => `import ${JSON.stringify(url)}`).join('\n')
  const { NODE_OPTIONS: _, ...env } = process.env
  const options = { env, encoding: 'utf8', timeout: 2_000, stdio: 'pipe' } as const
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], options)
  if (!stderr.includes(error.message)) return undefined
  return /^file:\/\/.*:\d+$/m.exec(stderr)?.[0]
}

/** Returns the stack of an error, as text; with the place of a syntax error in front, if that shows only so. */
function stackOf(error: unknown, stack: unknown): unknown {
  try {
    const place = error instanceof SyntaxError ? placeOfSyntaxError(error) : undefined
    return place === undefined ? stack : `${place}\n${String(stack)}`
  } catch {
    return stack // no process could be started
  }
}

/** Ends or limits the reports of {@link reportFailures}. */
type Reporting = Pick<protocol.Inheritance, 'stopReporting' | 'reportAtEnd'>

/** Reports what the application dies of, and what it writes to standard error until then. */
function reportFailures(channel: DyingChannel): Reporting {
  let kept: string | undefined
  const onError = (error: unknown): void => {
    // As `reportOf` does: what a program throws may be anything.
    const { name, message, stack, code } = (
      error instanceof Error ? error : { name: 'Error', message: error }
    ) as Partial<Record<'name' | 'message' | 'stack' | 'code', unknown>>
    const cut = (part: unknown): string => {
      try {
        return String(part).slice(0, longestReport)
      } catch {
        return '(no text)'
      }
    }
    const trace = stackOf(error, stack)
    const report = {
      name: cut(name),
      message: cut(message),
      stack: typeof trace === 'string' ? cut(trace) : undefined,
      code: typeof code === 'string' ? code.slice(0, 256) : undefined,
      // Node emits 'uncaughtExceptionMonitor' also for an error that the program goes on to handle.
      isHandled:
        process.listenerCount('uncaughtException') > 0 ||
        process.hasUncaughtExceptionCaptureCallback(),
    }
    channel.sendLast({ type: 'error', error: report })
  }
  const onExit = (exitCode: number): void => {
    if (exitCode !== 0) channel.sendLast({ type: 'stderr', text: kept ?? '' })
  }
  process.on('uncaughtExceptionMonitor', onError)
  process.on('exit', onExit)

  const stderr = process.stderr
  // eslint-disable-next-line @typescript-eslint/unbound-method -- always applied to `stderr`
  const write = stderr.write
  const reportingWrite = ((...args: Parameters<typeof write>) => {
    const [chunk] = args as [unknown]
    const text = (
      typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString()
    ).slice(-4096)
    // A predecessor that is gone reads no reports, and the application runs on without it.
    if (kept === undefined) channel.send({ type: 'stderr', text }).catch(() => undefined)
    else kept = (kept + text).slice(-4096)
    return write.apply(stderr, args)
  }) as typeof write
  stderr.write = reportingWrite

  return {
    stopReporting() {
      process.off('uncaughtExceptionMonitor', onError)
      process.off('exit', onExit)
      // The application may have wrapped our function, which then stays underneath.
      if (stderr.write === reportingWrite) Reflect.deleteProperty(stderr, 'write')
    },
    reportAtEnd() {
      kept ??= ''
    },
  }
}

/**
 * Asks for the listening sockets of the predecessor. The inheritance is returned before anything has arrived.
 * See docs/decisions.md, "The successor says hello first"
 *
 * @param reporting ends the reports of this process to the predecessor
 */
export function inherit(
  channel: SuccessorChannel,
  entry: protocol.Entry,
  reporting: Reporting,
): protocol.Inheritance {
  const held = new Map<string, Passable>()
  let settle: (isWelcome: boolean) => void = () => undefined
  const arrived = new Promise<boolean>((resolve) => (settle = resolve))
  const inheritance: protocol.Inheritance = {
    version: protocolVersion,
    entry,
    welcome: undefined,
    get held() {
      return [...held.values()].filter(
        (each): each is PassedListener => !('transport' in each.bound),
      )
    },
    get heldUdp() {
      return [...held.values()].filter((each): each is PassedUdpSocket => 'transport' in each.bound)
    },
    receive(message, handle) {
      if (message.type === 'listener' && handle) {
        const { asked, bound, name } = message
        const address = JSON.stringify(bound)
        // A supervisor sends a socket again if the predecessor died while it passed them on.
        held.get(address)?.handle.close()
        held.set(address, { asked, bound, name, handle } as Passable)
      } else if (message.type === 'welcome') {
        inheritance.welcome = message
        settle(true)
      }
    },
    arrived,
    channel,
    // Nobody can be told before core is loaded.
    onGarbage: () => undefined,
    ...reporting,
  }
  channel.onMessage = (message, handle) => {
    inheritance.receive(message, handle)
  }
  channel.ref()
  // The predecessor sends nothing before `hello`: Node drops internal messages that nothing listens for yet.
  channel.send({ type: 'hello', version: protocolVersion, takesUdp: true }).catch(() => undefined)
  void channel.closed.then(() => {
    settle(false)
  })
  void arrived.then((isWelcome) => {
    channel.unref()
    if (isWelcome) return
    reporting.stopReporting()
    // Nothing would claim these sockets, and their addresses would stay in use.
    for (const { handle } of held.values()) handle.close()
  })
  return inheritance
}

/**
 * Asks the older generation, which still drains, whether it serves again: the younger end of a line that
 * heir-line.ts and fallback-line.ts describe. Both of its constants are written out here.
 */
function doesOlderServe(): Promise<boolean> {
  return new Promise((resolve) => {
    const line = new net.Socket({ fd: 5, readable: true, writable: false })
    const settle = (isServing: boolean): void => {
      clearTimeout(timer)
      line.destroy()
      resolve(isServing)
    }
    // Referenced: nothing else keeps this process alive yet. One that takes longer could not serve either.
    const timer = setTimeout(settle, 3_000, false)
    line.on('error', () => undefined) // 'close' follows
    line.on('data', (bytes: Buffer) => {
      settle(bytes.includes('s'))
    })
    line.on('close', () => {
      settle(false)
    })
  })
}

/**
 * Removes from an environment what the parent of a process has added for its entry, and returns what that was;
 * does nothing in a process that was started by somebody else.
 */
export function takeEntry(environment: NodeJS.ProcessEnv): protocol.Entry | undefined {
  const entry = readEntry(environment[entryVariable])
  if (!entry) return undefined
  Reflect.deleteProperty(environment, entryVariable)
  const { nodeOptions } = entry
  const { NODE_OPTIONS: options } = environment
  if (nodeOptions === undefined) return entry
  if (options === nodeOptions) Reflect.deleteProperty(environment, 'NODE_OPTIONS')
  else if (options?.startsWith(`${nodeOptions} `)) {
    environment['NODE_OPTIONS'] = options.slice(nodeOptions.length + 1)
  }
  return entry
}

function readEntry(text: string | undefined): protocol.Entry | undefined {
  try {
    const entry = JSON.parse(text ?? '') as protocol.Entry | null
    return Array.isArray(entry?.execArgv) ? entry : undefined
  } catch {
    return undefined // there is none, or it is somebody else's
  }
}

/** Removes options that were added to those of this process. */
function hideOptions(added: readonly (readonly string[])[]): void {
  const { execArgv } = process
  for (const words of added) {
    const at = execArgv.findIndex((_, from) =>
      words.every((word, index) => execArgv[from + index] === word),
    )
    if (at >= 0) execArgv.splice(at, words.length)
  }
}

/**
 * Enters this process into a chain of generations, if its parent has started it for that: hides what shows that,
 * takes the channel, and says hello. Returns what arrives, which is nothing yet. Only the first call does so.
 *
 * See docs/decisions.md, "The parent names itself"
 */
export function enter(): protocol.Inheritance | undefined {
  const entry = isMainThread ? takeEntry(process.env) : undefined
  if (!entry) return undefined
  hideOptions(entry.execArgv)
  if (typeof process.send !== 'function') return undefined
  if (entry.parent !== process.ppid) {
    leave(strangerKey, entry.parent)
    return undefined
  }
  const channel = takeChannel((reason) => {
    inheritance.onGarbage(reason)
  })
  const inheritance: protocol.Inheritance = inherit(channel, entry, reportFailures(channel))
  leave(inheritanceKey, inheritance)
  return inheritance
}

/** Leaves something for the library. */
function leave(key: symbol, value: unknown): void {
  Object.defineProperty(globalThis, key, { configurable: true, enumerable: false, value })
}

/**
 * Settles when the application may start: all has arrived, or it starts as generation 0. Exits if another
 * generation serves.
 */
async function untilWelcome({ arrived, entry }: protocol.Inheritance): Promise<void> {
  if (await arrived) return
  // Another preload may have loaded the library meanwhile, which decides then.
  if (!Object.hasOwn(globalThis, inheritanceKey)) return
  Reflect.deleteProperty(globalThis, inheritanceKey)
  if (entry.orphaned === 'exit' || (entry.orphaned === 'ask' && (await doesOlderServe()))) {
    // What this process would bind is in use.
    process.exit()
  }
}

/**
 * Option that makes Node wait for the welcome before it runs a program that is text (`-e`): for such a program it
 * calls no `Module.runMain`. A thread waits for nothing.
 */
export const welcomeOption: readonly string[] = [
  '--import',
  `data:text/javascript,await%20globalThis[Symbol.for('@endless/core:welcome')]`,
]

/**
 * Makes Node load the program when `until` has settled. Node loads it itself, as in generation 0: only later.
 * See docs/decisions.md, "Node loads the program, as in generation 0"
 */
function deferProgram(until: Promise<void>): void {
  const loader = Module as unknown as { runMain: (...args: unknown[]) => void }
  const { runMain } = loader
  const deferred = function (this: unknown, ...args: unknown[]): void {
    if (loader.runMain === deferred) loader.runMain = runMain
    void until.then(() => {
      // In a turn of its own: what the program throws is no rejection.
      process.nextTick(() => {
        runMain.apply(this, args)
      })
    })
  }
  loader.runMain = deferred
}

/**
 * Runs in each process and thread that Node starts with the preload.
 *
 * @param file the file of the preload, which a thread shows among its options
 */
export function preload(file: string): void {
  const inheritance = enter()
  // A thread has no entry, and neither has a process that a thread forks with its own options.
  hideOptions([['--require', file], welcomeOption])
  if (isMainThread) copyStart()
  if (inheritance) {
    const welcome = untilWelcome(inheritance)
    leave(welcomeKey, welcome)
    deferProgram(welcome)
  }
  loadRegister(inheritance?.entry.register)
}

/** Copies what this process was started with, before the program changes it. */
function copyStart(): void {
  const start: Start = {
    argv: [...process.argv],
    execArgv: [...process.execArgv],
    directory: currentDirectory(),
    places: programPlaces(process.argv[1]),
  }
  leave(startKey, start)
}

/** As `programPlaces` of manifest.ts. */
function programPlaces(script = ''): string[] {
  try {
    const { native } = realpathSync // twice as fast as the other
    return [join(native(dirname(script)), basename(script)), native(script)]
  } catch {
    return [script]
  }
}

function currentDirectory(): string {
  try {
    return process.cwd()
  } catch {
    return '' // the directory has been deleted
  }
}

/**
 * Loads the preload `@endless/core/register`, if `endless run` says so; in a thread, if its process was told so. The
 * program's own copy of core comes first: the file that is named may be of a release that was deleted meanwhile.
 */
function loadRegister(told: string | undefined): void {
  const named = isMainThread ? told : getEnvironmentData(registerName)
  if (typeof named !== 'string') return
  if (isMainThread) setEnvironmentData(registerName, named)
  try {
    createRequire(named)(ownRegister() ?? named)
  } catch (error) {
    // What package.json says makes no sense: the restart fails.
    if ((error as { code?: unknown }).code === 'ERR_ENDLESS_INVALID_OPTION') throw error
    // A program that makes its servers endless itself does without. A thread can tell nobody.
    if (!isMainThread) return
    process.emitWarning(
      `Cannot load ${named}, which makes each server of this program endless: ${String(error)} ` +
        'Only servers that the program itself makes endless are handed over. ' +
        'Add @endless/core to the program, or start endless run again.',
    )
  }
}

/** Returns the file of the program's own copy of core; `undefined` if it has none. */
function ownRegister(): string | undefined {
  try {
    // A directory: the program may be one, and above a file there are the same packages.
    return createRequire(`${process.argv[1] ?? ''}/`).resolve('@endless/core/register')
  } catch {
    return undefined
  }
}
