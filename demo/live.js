import { colors } from '@endless/load'

const REDRAW_MS = 100
const PLAIN_EVERY_MS = 2_000

/** Prints lines that stay, and below them a status: on a terminal in place, elsewhere as plain lines. */
export class Live {
  #timer
  #text = ''

  /** Shows the newest snapshot until `clear()`. */
  follow(snapshot) {
    const { isTTY } = process.stdout
    this.#timer = setInterval(
      () => this.#show(describe(snapshot())),
      isTTY ? REDRAW_MS : PLAIN_EVERY_MS,
    )
  }

  say(line) {
    this.#erase()
    console.log(line)
    this.#draw()
  }

  clear() {
    clearInterval(this.#timer)
    this.#erase()
    this.#text = ''
  }

  #show(text) {
    if (process.stdout.isTTY) {
      this.#erase()
      this.#text = text
      this.#draw()
    } else {
      console.log(text)
    }
  }

  #erase() {
    if (this.#text) process.stdout.write('\r\x1b[2K')
  }

  #draw() {
    if (this.#text) process.stdout.write(this.#text)
  }
}

function describe({ durationMs, requests, failed, generations }) {
  const { generation = 0 } = generations.at(-1) ?? {}
  const failures = `${failed} failed`
  return [
    `  ${(durationMs / 1000).toFixed(1).padStart(4)} s`,
    `generation ${generation}`,
    `${requests.toLocaleString('en-US')} requests`,
    failed === 0 ? colors.green(failures) : colors.red(failures),
  ].join(colors.dim('  ·  '))
}
