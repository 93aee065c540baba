// How a process reads an IPC channel. The preload has this file, too, as text: it imports nothing.

/**
 * How a message begins, whether Node sends it or endless. Within a string of JSON its quotes would be escaped; so a
 * message has it once, and twice if it passes a handle on (lib/internal/child_process.js, NODE_HANDLE).
 */
const beginning = '{"cmd":"NODE_'
/** The longest message that is waited for; the largest of ours are some megabytes. */
const longestMessage = 64 * 1_048_576

/** The handle of an IPC channel (lib/internal/child_process.js, setupChannel). */
export interface ReadHandle {
  /** Called with the bytes that have arrived, or with nothing at the end of the channel. */
  onread: (buffer?: unknown, ...rest: unknown[]) => void
  readStart(): number
}

/**
 * Makes a process read on behind what is no message. Node parses where no caller can catch its errors, and then
 * leaves out what stands behind in the same bytes: also a message with a handle, for whose acknowledgement the other
 * process waits for ever. And it keeps what has arrived of a message that never ends.
 *
 * See docs/decisions.md, "Garbage on a channel ends no process"
 *
 * @param onread what Node has put there, or something around that
 * @param watch called with the reason when garbage has arrived, and at the end of the channel
 */
export function readCarefully(
  handle: ReadHandle,
  onread: ReadHandle['onread'],
  { onGarbage, onEnd }: { onGarbage: (reason: unknown) => void; onEnd: () => void },
): void {
  const begun = new Begun(handle)
  let isSecondEnd = false
  handle.onread = (buffer, ...rest) => {
    // See docs/decisions.md, "The end of a line is read twice"
    if (!buffer && !isSecondEnd && handle.readStart() === 0) {
      isSecondEnd = true
      return
    }
    isSecondEnd = false
    const bytes = Buffer.from(buffer instanceof ArrayBuffer ? buffer : new ArrayBuffer(0))
    for (let isRead = false; !isRead;) {
      try {
        onread.call(handle, buffer, ...rest)
        isRead = true
      } catch (error) {
        if (!(error instanceof SyntaxError) || !blankGarbage(bytes, begun)) throw error
        onGarbage(error)
      }
    }
    begun.goesOnWith(bytes)
    if (begun.length > longestMessage) {
      begun.become('')
      onGarbage(new Error('it is too long'))
    }
    if (!buffer) onEnd()
  }
}

/** What has arrived of a message whose end has not. */
class Begun {
  readonly #handle: ReadHandle
  #pieces: Buffer[] = []

  constructor(handle: ReadHandle) {
    this.#handle = handle
  }

  get length(): number {
    return this.#pieces.reduce((sum, { length }) => sum + length, 0)
  }

  /** Notes what has arrived. Node never writes to these bytes again. */
  goesOnWith(bytes: Buffer): void {
    const end = bytes.lastIndexOf('\n')
    if (end >= 0) this.#pieces = []
    if (end + 1 < bytes.length) this.#pieces.push(bytes.subarray(end + 1))
  }

  /** Returns the line that ends with these bytes. */
  completedBy(bytes: Buffer): string {
    return Buffer.concat([...this.#pieces, bytes]).toString()
  }

  /** Makes Node take a text for it (lib/internal/child_process/serialization.js). */
  become(text: string): void {
    this.#pieces = text === '' ? [] : [Buffer.from(text)]
    for (const key of Object.getOwnPropertySymbols(this.#handle)) {
      const kept = this.#handle as unknown as Record<symbol, unknown>
      if (key.description === 'kJSONBuffer') kept[key] = text
      // It may have the first bytes of a character; Node creates another.
      if (key.description === 'kStringDecoder') kept[key] = undefined
    }
  }
}

/**
 * Blanks the first line that is no message, and what has been read before it; a message at its end is kept. Returns
 * whether there is such a line.
 */
function blankGarbage(bytes: Buffer, begun: Begun): boolean {
  for (let from = 0, end; (end = bytes.indexOf('\n', from)) >= 0; from = end + 1) {
    const own = bytes.subarray(from, end)
    const line = from === 0 ? begun.completedBy(own) : own.toString()
    if (isJson(line)) continue
    const message = messageIn(line)
    begun.become(message)
    // Without a message, the blanks belong to the next line.
    bytes.fill(' ', 0, message === '' ? end + 1 : end)
    return true
  }
  return false
}

/** Returns the message that stands at the end of a line, behind garbage; '' if there is none. */
function messageIn(line: string): string {
  const last = line.lastIndexOf(beginning)
  const places = [line.lastIndexOf(beginning, last - 1), last]
  return places.map((at) => (at < 0 ? '' : line.slice(at))).find(isJson) ?? ''
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
