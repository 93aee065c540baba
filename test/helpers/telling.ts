import type { EndlessOptions } from '@endless/core'
import type { Program, ProgramEvent } from '@endless/load'
import { get } from './http-client.js'
import { startFixture } from './program.js'
import { connectRaw, type RawClient } from './raw-client.js'

// Drives the fixture tells-of-its-connections.mjs, whose generations report each connection.

const deadlineMs = 15_000

export interface TellingSettings {
  servers?: number
  tls?: boolean
  /** Has a TLS server, at the last port, whose connections are emitted on the first server. */
  emitsTls?: boolean
  /** Options of http.createServer. */
  create?: object
  /** Properties of each server. */
  server?: object
  options?: Omit<EndlessOptions, 'hooks' | 'beforeBegin' | 'logger'>
  /** Migrates only connections whose client has an even port. */
  evenPortsOnly?: boolean
  /** An event that the application listens for on each connection. */
  foreign?: string
  /** Waits at the gate 'before SIGTERM' when a successor is ready. */
  stalls?: boolean
  /** Waits at the gate 'onTerminate'. */
  stallsAtEnd?: boolean
  fate?: string
  /** For shares-its-connections.mjs: who else has its connections. */
  layer?: string
  /** Settings that differ in one generation. */
  generations?: Record<number, Omit<TellingSettings, 'generations'>>
}

interface TellingEvent extends ProgramEvent {
  event: 'ready'
  generation: number
  port: number
  ports: number[]
  commands: number
}

/** Starts the fixture tells-of-its-connections.mjs, or another with the same events and commands. */
export async function startTelling(
  settings: TellingSettings = {},
  fixture = 'tells-of-its-connections.mjs',
): Promise<Telling> {
  const program = startFixture(fixture, { args: [JSON.stringify(settings)] })
  const ready = await program.waitForGeneration(0, { deadlineMs })
  return new Telling(program, ready as unknown as TellingEvent, settings.tls ?? false)
}

/** A program whose generations report each connection. */
export class Telling {
  readonly program: Program
  readonly port: number
  readonly ports: readonly number[]
  readonly #tls: boolean

  constructor(program: Program, first: TellingEvent, tls: boolean) {
    this.program = program
    this.port = first.port
    this.ports = first.ports
    this.#tls = tls
  }

  connect(port = this.port): Promise<RawClient> {
    return connectRaw(port, { tls: this.#tls })
  }

  /** Opens connections, each with one answered request. */
  connectIdle(count: number): Promise<RawClient[]> {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const client = await this.connect()
        client.request()
        await client.waitForResponses(1, { deadlineMs })
        return client
      }),
    )
  }

  /** Opens connections and sends nothing; resolves when the program has accepted all of them. */
  connectFresh(count: number): Promise<RawClient[]> {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const client = await this.connect()
        await this.waitFor('connection', { remotePort: client.localPort })
        return client
      }),
    )
  }

  /** Restarts the newest generation with SIGHUP; resolves when its successor serves. */
  async restart(): Promise<TellingEvent> {
    const { current } = this.program
    const since = this.program.output.lines.length
    this.program.signal('SIGHUP')
    return (await this.program.waitForGeneration(current.generation + 1, {
      since,
      deadlineMs,
    })) as TellingEvent
  }

  /** Sends a command to a generation, by default to the first; resolves with its result. */
  async command<T = unknown>(
    name: string,
    args: Record<string, string> = {},
    to = this.program.generations[0]!,
  ): Promise<T> {
    const query = new URLSearchParams(args).toString()
    const { body } = await get((to as TellingEvent).commands, `/${name}?${query}`)
    return JSON.parse(body) as T
  }

  /** Resolves with the first event of this name with these details. */
  waitFor<E extends ProgramEvent = ProgramEvent>(
    event: string,
    details: Record<string, unknown> = {},
    since = 0,
  ): Promise<E> {
    return this.program.waitForEvent<E>(
      (each) =>
        each.event === event &&
        Object.entries(details).every(([name, value]) => each[name] === value),
      { step: `the event ${event} ${JSON.stringify(details)}`, deadlineMs, since },
    )
  }

  /** Resolves when these connections have left a generation, by default the first, for its successor. */
  async untilGone(clients: readonly RawClient[], generation = 0): Promise<void> {
    for (const { localPort } of clients) {
      await this.waitFor('connection-closed', { generation, remotePort: localPort })
    }
  }

  /** Returns all events of this name, or only those of one generation. */
  eventsOf(event: string, generation?: number): ProgramEvent[] {
    return this.program.events.filter(
      (each) =>
        each.event === event && (generation === undefined || each['generation'] === generation),
    )
  }
}

/** Sends a request on each connection; resolves with the number of answers by generation: `{ '1': 3 }`. */
export async function whoAnswers(clients: readonly RawClient[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  await Promise.all(
    clients.map(async (client) => {
      const before = client.responses.length
      client.request()
      const response = (await client.waitForResponses(before + 1, { deadlineMs })).at(-1)!
      const generation = response.headers['x-generation']!
      counts[generation] = (counts[generation] ?? 0) + 1
    }),
  )
  return counts
}
