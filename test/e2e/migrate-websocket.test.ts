// Proves with the example that WebSockets move, open, into each new process: under traffic no message is lost,
// doubled or out of order, and no client notices.
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import {
  connectRaw,
  startProgram,
  temporaryDirectory,
  until,
  withDeadline,
  type Program,
} from '../helpers/index.js'

const example = fileURLToPath(new URL('../../examples/websocket/app.js', import.meta.url))
const deadlineMs = 15_000

test('24 WebSockets under traffic stay open through three restarts, with every message answered in order', async () => {
  const { program, port } = await startExample()
  const clients = await Promise.all(Array.from({ length: 24 }, () => Talker.open(port)))
  for (const client of clients) client.begin()
  let { pid } = program
  for (let number = 1; number <= 3; number++) {
    await everyoneGoesOn(clients)
    const successor = await restart(program, pid, number)
    // It has nothing left: all that were open there are here.
    await program.waitForEnd(pid, { step: `generation ${number - 1} exits`, deadlineMs })
    pid = successor
    await everyoneGoesOn(clients)
  }
  for (const client of clients) await client.finish()
})

test('a message of which one half was read before the restart and one after is answered whole', async () => {
  const { program, port } = await startExample()
  const client = await connectRaw(port)
  client.request('/', {
    headers:
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  })
  await client.waitForResponses(1)
  const answers = () => client.received.subarray(client.received.indexOf('\r\n\r\n') + 4)
  const expectAnswers = (...texts: string[]) => {
    const expected = Buffer.concat(
      texts.map((text) => Buffer.from([0x81, text.length, ...Buffer.from(text)])),
    )
    return until(() => answers().equals(expected), {
      step: `the answers ${texts.join(', ')}`,
      deadlineMs,
      explain: () => `${answers().toString('latin1')}\n${program.output.toString()}`,
    })
  }
  client.write(frame('one'))
  await expectAnswers('1 one')
  // A whole message, and the first part of one in two parts, with a half frame after that.
  const parts = Buffer.concat([frame('tw', { isFinal: false }), frame('o', { opcode: 0 })])
  client.write(Buffer.concat([frame('again'), parts.subarray(0, -3)]))
  await expectAnswers('1 one', '2 again')

  await restart(program, program.pid, 1)
  await program.waitForExit({ step: 'generation 0 exits', deadlineMs })
  client.write(parts.subarray(-3))
  await expectAnswers('1 one', '2 again', '3 two')
})

test('without a successor a client is told to come back, with code 1012', async () => {
  const { program, port } = await startExample()
  const client = await Talker.open(port)
  const close = once(client.socket, 'close') as Promise<[number]>
  program.signal('SIGTERM', program.pid)
  const [code] = await withDeadline(close, { step: 'the WebSocket is closed', deadlineMs })
  expect(code).toBe(1012)
  await program.waitForExit({ step: 'generation 0 exits', deadlineMs })
})

/**
 * A client that always has a few messages on the way, short, long and in parts, and checks each answer
 * as it comes.
 */
class Talker {
  readonly socket: WebSocket
  answers = 0
  /** What went wrong first. */
  failure: string | undefined
  readonly #expected: string[] = []
  #sent = 0
  #isFinishing = false

  static async open(port: number): Promise<Talker> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`)
    onTestFinished(() => socket.terminate())
    const talker = new Talker(socket)
    await withDeadline(once(socket, 'open'), { step: 'the WebSocket opens', deadlineMs })
    return talker
  }

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer) => {
      const [text, expected] = [data.toString(), this.#expected.shift()]
      if (text !== expected) this.failure ??= `${excerpt(text)} instead of ${excerpt(expected)}`
      this.answers++
      if (!this.#isFinishing && !this.failure) this.#say()
    })
    socket.on('close', (code) => (this.failure ??= `closed with code ${code}`))
    socket.on('error', (error) => (this.failure ??= String(error)))
  }

  begin(): void {
    for (let ahead = 0; ahead < 4; ahead++) this.#say()
  }

  async finish(): Promise<void> {
    this.#isFinishing = true
    await until(() => this.#expected.length === 0 || this.failure, {
      step: 'the last messages are answered',
      deadlineMs,
    })
    expect(this.failure).toBeUndefined()
  }

  #say(): void {
    const lengths = [1, 100, 200, 5_000, 100_000]
    const text = `${this.#sent}:`.padEnd(lengths[this.#sent % lengths.length]!, 'x')
    this.#expected.push(`${this.#sent + 1} ${text}`)
    const middle = text.length >> 1
    if (this.#sent++ % 3 > 0) {
      this.socket.send(text)
    } else {
      this.socket.send(text.slice(0, middle), { fin: false })
      this.socket.ping()
      this.socket.send(text.slice(middle), { fin: true })
    }
  }
}

function excerpt(text: string | undefined): string {
  return text === undefined ? 'nothing' : `"${text.slice(0, 20)}" of ${text.length} characters`
}

/** Resolves when every client has had answers since. */
async function everyoneGoesOn(clients: Talker[]): Promise<void> {
  const goals = clients.map(({ answers }) => answers + 20)
  const failures = () => clients.flatMap(({ failure }) => failure ?? [])
  const goOn = () => clients.every(({ answers }, index) => answers >= goals[index]!)
  await until(() => goOn() || failures().length > 0, {
    step: 'every client has 20 more answers',
    deadlineMs,
    explain: () => clients.map(({ answers }, index) => `${answers}/${goals[index]}`).join(' '),
  })
  expect(failures()).toEqual([])
}

async function startExample(): Promise<{ program: Program; port: number }> {
  const program = startProgram({ args: [example], cwd: temporaryDirectory(), env: { PORT: '0' } })
  const [, port] = await program.waitForLine(/serves \S+:(\d+)/, {
    step: 'it listens',
    deadlineMs,
  })
  return { program, port: Number(port) }
}

/** Restarts by SIGHUP; resolves with the pid of the generation that has taken over. */
async function restart(program: Program, pid: number, number: number): Promise<number> {
  program.signal('SIGHUP', pid)
  const line = new RegExp(`generation ${number} \\(pid (\\d+)\\) serves`)
  const [, successor] = await program.waitForLine(line, { step: 'it takes over', deadlineMs })
  return Number(successor)
}

/** A frame as a client sends it, masked. */
function frame(text: string, { isFinal = true, opcode = 1 } = {}): Buffer {
  const mask = [0x12, 0x34, 0x56, 0x78]
  return Buffer.from([
    (isFinal ? 0x80 : 0) | opcode,
    0x80 | text.length,
    ...mask,
    ...Buffer.from(text).map((byte, index) => byte ^ mask[index % 4]!),
  ])
}
