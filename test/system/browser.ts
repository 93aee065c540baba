import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import WebSocket from 'ws'
import { temporaryDirectory, until, withDeadline } from '../helpers/index.js'

// A headless Chromium, spoken to by its own protocol.

const deadlineMs = 60_000

type Parameters = Record<string, unknown>

/** A browser that has started. */
export interface Browser {
  send<Result>(method: string, parameters?: Parameters, session?: string): Promise<Result>
  onEvent(listener: (event: BrowserEvent) => void): void
}

interface BrowserEvent {
  method: string
  sessionId?: string
  params: Parameters
}

/** A page that has been opened and drawn. */
export interface Page {
  /** Errors, and what was logged as one. */
  readonly complaints: readonly string[]
  /** Everything that was asked for. */
  readonly requests: readonly string[]
  evaluate<Value>(expression: string): Promise<Value>
  screenshot(): Promise<Buffer>
}

/** Starts a browser, which ends with the test. */
export async function startBrowser(): Promise<Browser> {
  const child = spawn(
    'chromium',
    [
      '--headless',
      '--no-sandbox', // CI runs as root
      '--disable-gpu',
      '--remote-debugging-port=0',
      `--user-data-dir=${temporaryDirectory()}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  const lines: string[] = []
  const listening = new Promise<string>((resolve, reject) => {
    child.on('error', reject)
    createInterface(child.stderr).on('line', (line) => {
      lines.push(line)
      const [, url] = /^DevTools listening on (ws:.*)$/.exec(line) ?? []
      if (url !== undefined) resolve(url)
    })
  })
  const explain = (): string => lines.join('\n')
  const url = await withDeadline(listening, { step: 'chromium starts', deadlineMs, explain })
  const socket = new WebSocket(url)
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  const answers = new Map<number, (answer: { result?: unknown; error?: unknown }) => void>()
  const listeners: ((event: BrowserEvent) => void)[] = []
  let count = 0
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as {
      id?: number
      result?: unknown
      error?: unknown
    } & BrowserEvent
    if (message.id === undefined) for (const listener of listeners) listener(message)
    else answers.get(message.id)?.(message)
  })
  return {
    async send<Result>(method: string, params: Parameters = {}, sessionId?: string) {
      const id = ++count
      const answered = new Promise<{ result?: unknown; error?: unknown }>((resolve) => {
        answers.set(id, resolve)
      })
      socket.send(JSON.stringify({ id, method, params, sessionId }))
      const { result, error } = await withDeadline(answered, { step: method, deadlineMs, explain })
      if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`)
      return result as Result
    },
    onEvent: (listener) => void listeners.push(listener),
  }
}

/** Opens a page, in a theme, and waits until it has drawn itself. */
export async function openPage(
  browser: Browser,
  url: string,
  scheme: 'light' | 'dark',
): Promise<Page> {
  const { targetId } = await browser.send<{ targetId: string }>('Target.createTarget', {
    url: 'about:blank',
  })
  const attached = await browser.send<{ sessionId: string }>('Target.attachToTarget', {
    targetId,
    flatten: true,
  })
  const session = attached.sessionId
  const complaints: string[] = []
  const requests: string[] = []
  browser.onEvent(({ method, sessionId, params }) => {
    if (sessionId !== session) return
    if (method === 'Network.requestWillBeSent') {
      const { url: asked } = params['request'] as { url: string }
      if (!asked.startsWith('data:')) requests.push(asked)
    }
    const isComplaint =
      method === 'Runtime.exceptionThrown' ||
      method === 'Log.entryAdded' ||
      (method === 'Runtime.consoleAPICalled' && params['type'] !== 'log')
    if (isComplaint) complaints.push(JSON.stringify(params))
  })
  for (const domain of ['Runtime', 'Log', 'Network', 'Page']) {
    await browser.send(`${domain}.enable`, {}, session)
  }
  const size = { width: 1_200, height: 900, deviceScaleFactor: 1, mobile: false }
  await browser.send('Emulation.setDeviceMetricsOverride', size, session)
  const features = [{ name: 'prefers-color-scheme', value: scheme }]
  await browser.send('Emulation.setEmulatedMedia', { features }, session)
  await browser.send('Page.navigate', { url }, session)
  const evaluate = async <Value>(expression: string): Promise<Value> => {
    const { result } = await browser.send<{ result: { value: Value } }>(
      'Runtime.evaluate',
      { expression, returnByValue: true },
      session,
    )
    return result.value
  }
  // uPlot draws in a microtask after the page says so: the next look comes later.
  await until(() => evaluate<boolean>("document.documentElement.dataset.drawn === 'true'"), {
    step: 'the page has drawn itself',
    deadlineMs,
    explain: () => complaints.join('\n'),
  })
  return {
    complaints,
    requests,
    evaluate,
    async screenshot() {
      const { data } = await browser.send<{ data: string }>(
        'Page.captureScreenshot',
        { captureBeyondViewport: true },
        session,
      )
      return Buffer.from(data, 'base64')
    },
  }
}
