import { messageOf, oneLine, printableJson } from '@endless/core/for-cli'
import { Screen, type Terminal } from './screen.js'

// A status that is shown again and again.

const everyMs = 1_000

/** The terminal, pipe or file to which a command writes. */
export interface WatchOutput extends Terminal {
  readonly isTTY?: boolean | undefined
  on(event: 'resize', listener: () => void): unknown
}

/**
 * Asks each second, for as long as this process lives, and shows the answer: at a terminal in place of the one before,
 * elsewhere below it. If a later answer fails, shows why, and goes on: the service may come back.
 *
 * @param isJson whether an answer is JSON: it becomes one line, and nothing is drawn
 * @throws (rejects) what the first `ask` throws
 */
export async function watch(
  ask: () => Promise<string>,
  output: WatchOutput,
  isJson: boolean,
): Promise<never> {
  const first = await ask()
  const show = isJson ? lines(output) : output.isTTY ? drawing(output) : paragraphs(output)
  show(first)
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, everyMs))
    show(await ask().catch(isJson ? failureOf : reasonOf))
  }
}

function lines(output: WatchOutput): (json: string) => void {
  return (json) => {
    // Only the layout of JSON has line breaks.
    output.write(`${json.replaceAll(/\n */g, '')}\n`)
  }
}

function paragraphs(output: WatchOutput): (text: string) => void {
  return (text) => {
    output.write(`${text}\n\n`)
  }
}

function drawing(output: WatchOutput): (text: string) => void {
  const screen = new Screen(output)
  const close = (): void => {
    screen.close()
  }
  screen.open()
  output.on('resize', () => {
    screen.draw()
  })
  // Whatever ends or stops this process: the terminal must be as it was.
  process.once('exit', close)
  process.on('SIGTSTP', () => {
    close()
    process.kill(process.pid, 'SIGSTOP')
  })
  process.on('SIGCONT', () => {
    screen.open()
  })
  return (text) => {
    screen.show(`${new Date().toLocaleTimeString()}   Ctrl-C ends\n\n${text}`)
  }
}

function reasonOf(error: unknown): string {
  return `endless: ${oneLine(messageOf(error))}`
}

function failureOf(error: unknown): string {
  return printableJson({ error: { message: messageOf(error) } })
}
