import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { defaults, EndlessOptions } from '@endless/core'
import type { Program, ProgramEvent } from '@endless/load'
import { get } from './http-client.js'
import { startFixture } from './program.js'
import { connectRaw, type RawClient } from './raw-client.js'
import { temporaryDirectory } from './temporary.js'

// Drives a fixture whose first generation obeys commands, and opens connections to it.

const deadlineMs = 10_000

export interface AnsweringSettings {
  tls?: boolean
  /** Speaks HTTP/2. */
  http2?: boolean
  /** Keeps the process alive when it no longer serves. */
  stays?: boolean
  /** Arguments of `listen`. @default [0, '127.0.0.1'] */
  listen?: unknown[]
  /** Options of http.createServer or https.createServer, and `httpAllowHalfOpen`. */
  server?: object
  /** Values to set in `defaults` before the server is created. */
  defaults?: Partial<typeof defaults>
  options?: Omit<EndlessOptions, 'hooks' | 'beforeBegin' | 'logger'>
  /** For serves-sockets.mjs: the kind of clients that it says goodbye to in a drain, and over how long. */
  says?: string
  windowMs?: number
  /** For moves-tunnels.mjs: whether a TLS server accepts for a server of HTTP. */
  emitsTls?: boolean
  /** For moves-tunnels.mjs: the generation that adopts nothing, and the first that migrates at once. */
  deaf?: number
  passesOn?: number
}

interface AnsweringEvent extends ProgramEvent {
  event: 'ready'
  generation: number
  port: number
  commands: number
}

/** Starts the fixture answers-on-command.mjs, or another with the same events and commands. */
export async function startAnswering(
  settings: AnsweringSettings = {},
  fixture = 'answers-on-command.mjs',
): Promise<Answering> {
  const program = startFixture(fixture, { args: [JSON.stringify(settings)] })
  const ready = await program.waitForGeneration(0, { deadlineMs })
  return new Answering(program, ready as unknown as AnsweringEvent, settings.tls ?? false)
}

/** A program whose first generation obeys commands. */
export class Answering {
  readonly program: Program
  readonly port: number
  readonly #first: AnsweringEvent
  readonly #tls: boolean

  constructor(program: Program, first: AnsweringEvent, tls: boolean) {
    this.program = program
    this.port = first.port
    this.#first = first
    this.#tls = tls
  }

  connect(options: { allowHalfOpen?: boolean } = {}): Promise<RawClient> {
    return connectRaw(this.port, { tls: this.#tls, ...options })
  }

  /** Sends a command to the first generation; resolves with its result. */
  async command(name: string, args: Record<string, string> = {}): Promise<unknown> {
    const query = new URLSearchParams(args).toString()
    const { body } = await get(this.#first.commands, `/${name}?${query}`)
    return JSON.parse(body)
  }

  /** Makes the handler respond to the request for /<kind>/<name>. */
  answer(name: string): Promise<unknown> {
    return this.command('answer', { name })
  }

  /** Resolves when the request for /<kind>/<name> has reached the handler. */
  async waitForRequest(name: string): Promise<void> {
    await this.waitFor('request', { name })
  }

  /** Resolves with the first event of this name with these details from the first generation. */
  waitFor(event: string, details: Record<string, unknown> = {}): Promise<ProgramEvent> {
    return this.program.waitForEvent(
      (each) =>
        each.event === event &&
        each.pid === this.#first.pid &&
        Object.entries(details).every(([name, value]) => each[name] === value),
      { step: `the event ${event} ${JSON.stringify(details)}`, deadlineMs },
    )
  }

  /** Blocks the event loop of the first generation while `body` runs. */
  async block(body: () => Promise<unknown>): Promise<void> {
    const file = path.join(temporaryDirectory(), 'go-on')
    const blocked = this.command('block', { file })
    await this.waitFor('blocked')
    try {
      await body()
    } finally {
      writeFileSync(file, '')
      await blocked
    }
  }

  /** Begins a drain with a signal to the first generation; resolves when the drain has begun. */
  async drain(signal: NodeJS.Signals): Promise<void> {
    this.program.signal(signal, this.program.pid)
    await this.waitFor('drain')
    if (signal === 'SIGHUP') await this.program.waitForGeneration(1, { deadlineMs })
  }

  /** Resolves with the shutdown report when the first generation has exited. */
  async waitForExit(): Promise<{ reason: string; durationMs: number; hammered: number }> {
    const { code, signal } = await this.program.waitForExit({
      step: 'the first generation exits',
      deadlineMs,
    })
    if (code !== 0)
      throw new Error(`exit code ${code}, ${signal}\n${this.program.output.toString()}`)
    const { report } = await this.waitFor('terminate')
    return report as { reason: string; durationMs: number; hammered: number }
  }
}
