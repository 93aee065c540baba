/** A terminal that can be drawn on. */
export interface Terminal {
  /** 0 where nobody has told the terminal how large it is, as below `script`. */
  readonly rows: number
  write(text: string): unknown
}

/** The rows of a terminal that does not say how many it has. */
const usualRows = 24

const enter = '\x1b[?1049h' // the alternate screen
const hideCursor = '\x1b[?25l'
const cutLines = '\x1b[?7l' // a line that is too long does not go on in the next one
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l'
const home = '\x1b[H'
const clearToEndOfLine = '\x1b[K'
const clearBelow = '\x1b[J'

/** A page that is drawn again and again in the same place, and is gone at the end: the terminal is as it was. */
export class Screen {
  readonly #terminal: Terminal
  #page = ''
  #isOpen = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#terminal.write(enter + hideCursor + cutLines)
    this.draw()
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#terminal.write(leave)
  }

  /** Shows a page in place of the one before. */
  show(page: string): void {
    this.#page = page
    this.draw()
  }

  /** Draws the page again, as far as it fits. Nothing is cleared before it is written, so that nothing flickers. */
  draw(): void {
    if (!this.#isOpen) return
    const lines = this.#page.split('\n').slice(0, this.#terminal.rows || usualRows)
    this.#terminal.write(
      home + lines.map((line) => line + clearToEndOfLine).join('\r\n') + clearBelow,
    )
  }
}
