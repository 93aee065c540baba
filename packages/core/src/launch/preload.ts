import { createRequire } from 'node:module'
import net from 'node:net'
import { isMainThread } from 'node:worker_threads'
import type * as protocol from '../handoff/protocol.js'
import type { Channel } from '../line/channel.js'
import type { PassedListener } from '../listeners/passed-listener.js'

// Runs in a successor before the application's first line (`--import`). It imports nothing but Node: only
// its text is passed on, since its release may be deleted meanwhile. So some constants of protocol.ts,
// channel.ts, error-report.ts and last-words.ts are written out here; preload.test.ts compares them.
// See docs/decisions.md, "The preload travels in NODE_OPTIONS, as text"
const protocolVersion = 1
const command = 'NODE_ENDLESS'
const longestReport = 16_384
const inheritanceKey = Symbol.for('@endless/core:inheritance')
const registerKey = Symbol.for('@endless/core:register')
const keptChars = 16_384

type RawListener = PassedListener['handle']
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

interface ChannelHandle {
  onread: (buffer: unknown) => void
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
 */
function takeChannel(): SuccessorChannel {
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
    const onread = within(handle.onread)
    handle.onread = function (buffer) {
      onread.call(this, buffer)
      // The channel has ended. If a handle waits for its acknowledgement, which cannot come any more, Node
      // postpones 'disconnect' for ever (lib/internal/child_process.js, target.disconnect).
      if (buffer === undefined && isHandleInFlight()) process.nextTick(emit, 'disconnect')
    }
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
  const writeText = (): void => {
    if (text === '') return
    const written = write({ type: 'stderr', text }).catch(() => undefined)
    text = ''
    if (!isBackedUp()) return
    isTextWaiting = true
    void written.then(() => {
      isTextWaiting = false
      writeText()
    })
  }

  const channel: SuccessorChannel = {
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

/** Ends or limits the reports of {@link reportFailures}. */
type Reporting = Pick<protocol.Inheritance, 'stopReporting' | 'reportAtEnd'>

/** Reports what the application dies of, and what it writes to standard error until then. */
function reportFailures(channel: SuccessorChannel): Reporting {
  // A predecessor that is gone reads no reports, and the application runs on without it.
  const send = (report: protocol.ToPredecessor): void => {
    channel.send(report).catch(() => undefined)
  }
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
    const report = {
      name: cut(name),
      message: cut(message),
      stack: typeof stack === 'string' ? cut(stack) : undefined,
      code: typeof code === 'string' ? code.slice(0, 256) : undefined,
      // Node emits 'uncaughtExceptionMonitor' also for an error that the program goes on to handle.
      isHandled:
        process.listenerCount('uncaughtException') > 0 ||
        process.hasUncaughtExceptionCaptureCallback(),
    }
    send({ type: 'error', error: report })
  }
  const onExit = (exitCode: number): void => {
    if (kept && exitCode !== 0) send({ type: 'stderr', text: kept })
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
    if (kept === undefined) send({ type: 'stderr', text })
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
 * Asks for the listening sockets of the predecessor, and waits for `welcome`; `undefined` if it dies first.
 * See docs/decisions.md, "The successor says hello first"
 */
async function receive(channel: SuccessorChannel): Promise<protocol.Inheritance | undefined> {
  const held = new Map<string, PassedListener>()
  const welcome = new Promise<protocol.Welcome>((resolve) => {
    channel.onMessage = (message, handle) => {
      if (message.type === 'listener' && handle) {
        const { asked, bound, name } = message
        const address = JSON.stringify(bound)
        // A supervisor sends a socket again if the predecessor died while it passed them on.
        held.get(address)?.handle.close()
        held.set(address, { asked, bound, name, handle: handle as RawListener })
      } else if (message.type === 'welcome') {
        resolve(message)
      }
    }
  })
  const reporting = reportFailures(channel)
  channel.ref()
  // The predecessor sends nothing before `hello`: Node drops internal messages that nothing listens for yet.
  channel.send({ type: 'hello', version: protocolVersion }).catch(() => undefined)
  const received = await Promise.race([welcome, channel.closed])
  channel.unref()
  if (!received) {
    reporting.stopReporting()
    // Nothing would claim these sockets, and their addresses would stay in use.
    for (const { handle } of held.values()) handle.close()
    return undefined
  }
  return {
    version: protocolVersion,
    welcome: received,
    held: [...held.values()],
    channel,
    ...reporting,
  }
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
 * Loads the preload `@endless/core/register`: that of the program's own copy of core, if it has one, since the
 * file that `given` names may be of a release that was deleted meanwhile.
 */
function loadRegister(given: string): void {
  const require = createRequire(process.argv[1] ?? given)
  let file = given
  try {
    file = require.resolve('@endless/core/register')
  } catch {
    // The program knows nothing of endless.
  }
  require(file)
  const record = (globalThis as Record<symbol, { byRun?: string } | undefined>)[registerKey]
  if (record) record.byRun = given
}

function hideOptions(added: string[]): void {
  for (const option of added) {
    const index = process.execArgv.indexOf(option)
    if (index >= 0) process.execArgv.splice(index, 1)
  }
}

/** Removes the option that names this file from the environment, before the application looks. */
function hideFromEnvironment(): void {
  const option = `--import ${import.meta.url}`
  const options = process.env['NODE_OPTIONS']
  if (options === option) delete process.env['NODE_OPTIONS']
  else if (options?.startsWith(`${option} `)) {
    process.env['NODE_OPTIONS'] = options.slice(option.length + 1)
  }
}

if (isMainThread) hideFromEnvironment()

// A worker thread inherits the options of its process, and any other program could run this file: only
// the channel to the parent that the URL names counts.
const [parentPid, orphaned, register] = new URL(import.meta.url).hash.slice(1).split(',')
if (!isMainThread && register !== undefined) {
  // The release may have been deleted.
  try {
    loadRegister(decodeURIComponent(register))
  } catch {
    // Then nobody hears of where this thread listens.
  }
}
if (isMainThread && Number(parentPid) === process.ppid && typeof process.send === 'function') {
  // See docs/decisions.md, "Only ESM, and no top-level await"
  const inheritance = await receive(takeChannel())
  if (inheritance) {
    hideOptions(inheritance.welcome.addedExecArgv)
    Object.defineProperty(globalThis, inheritanceKey, {
      configurable: true,
      enumerable: false,
      value: inheritance,
    })
  } else if (orphaned === 'exit' || (orphaned === 'ask' && (await doesOlderServe()))) {
    // Another generation serves: what this process would bind is in use.
    process.exit()
  }
  if (register !== undefined) loadRegister(decodeURIComponent(register))
}
