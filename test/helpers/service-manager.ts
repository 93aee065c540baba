import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { startProgram, until, type Program } from '@endless/load'
import { temporaryDirectory } from './temporary.js'

// A systemd for the tests, apart from the systemd of the machine.

const execute = promisify(execFile)
const deadlineMs = 15_000

/**
 * Runs a shell as pid 1, since `systemd --user` refuses to be pid 1. /run/systemd/system makes sd_booted(3)
 * find a booted system. When the shell ends, the kernel ends every process in its namespace.
 */
const boot = `mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system || exit
/lib/systemd/systemd --user --unit=basic.target`

/** The systemd manager of one user, with its own runtime directory, processes and units. */
export class TestManager {
  /** The runtime directory, `%t` in units. */
  readonly runtime: string
  readonly #units: string
  readonly #output: string
  readonly #program: Program

  private constructor(directory: string) {
    this.runtime = path.join(directory, 'runtime')
    this.#units = path.join(directory, 'systemd/user')
    this.#output = path.join(directory, 'output')
    mkdirSync(this.runtime, { mode: 0o700 })
    mkdirSync(this.#units, { recursive: true })
    writeFileSync(this.#output, '')
    const apart = ['--pid', '--fork', '--kill-child', '--mount-proc', '--mount', '--cgroup']
    this.#program = startProgram({
      command: 'unshare',
      args: [...apart, 'sh', '-c', boot],
      env: { XDG_RUNTIME_DIR: this.runtime, XDG_CONFIG_HOME: directory },
    })
  }

  static async start(): Promise<TestManager> {
    const manager = new TestManager(temporaryDirectory())
    await until(() => manager.systemctl('is-active', 'basic.target'), {
      step:
        'systemd --user is up in its own namespaces. It needs root, the right to unshare and mount, ' +
        'cgroups, and the package systemd; without them these tests cannot run',
      deadlineMs,
      explain: () => manager.#program.output.toString(),
    })
    return manager
  }

  /** The output of all services. */
  get output(): string {
    return readFileSync(this.#output, 'utf8')
  }

  /** Installs units by name; their services write to `output`. */
  async install(units: Record<string, string>): Promise<void> {
    for (const [name, text] of Object.entries(units)) {
      const file = `append:${this.#output}`
      const addition = `\n[Service]\nStandardOutput=${file}\nStandardError=${file}\n`
      const whole = name.endsWith('.service') ? text + addition : text
      writeFileSync(path.join(this.#units, name), whole)
    }
    await this.systemctl('daemon-reload')
  }

  /**
   * Runs `systemctl --user`; resolves with its output.
   *
   * @throws Error with the output of the services if the command fails
   */
  async systemctl(...args: string[]): Promise<string> {
    try {
      return await this.run('systemctl', '--user', '--no-pager', ...args)
    } catch (error) {
      throw new Error(`systemctl ${args.join(' ')} failed; the services wrote:\n${this.output}`, {
        cause: error,
      })
    }
  }

  /** Runs a command in the services' namespaces, where their pids are valid; resolves with its output. */
  async run(command: string, ...args: string[]): Promise<string> {
    const { pid } = this.#program
    const [shell] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    const enter = ['--target', shell ?? '', '--pid', '--mount', '--', command, ...args]
    const env = { ...process.env, XDG_RUNTIME_DIR: this.runtime }
    const { stdout } = await execute('nsenter', enter, { env, timeout: deadlineMs })
    return stdout.trim()
  }

  /** Resolves with properties of a unit: `{ MainPID: '41', ActiveState: 'active' }`. */
  async show<P extends string>(unit: string, ...properties: P[]): Promise<Record<P, string>> {
    const text = await this.systemctl('show', unit, '--property', properties.join(','))
    const pairs = text.split('\n').map((line) => /^(\w+)=(.*)$/.exec(line)?.slice(1) ?? [])
    return Object.fromEntries(pairs as [P, string][]) as Record<P, string>
  }

  /** Resolves when a unit has these properties. */
  async waitFor(unit: string, wanted: Record<string, string>): Promise<void> {
    let found: Record<string, string> = {}
    await until(
      async () => {
        found = await this.show(unit, ...Object.keys(wanted))
        return Object.entries(wanted).every(([name, value]) => found[name] === value)
      },
      {
        step: `${unit} has ${JSON.stringify(wanted)}`,
        deadlineMs,
        explain: () => `${JSON.stringify(found)}\n${this.output}`,
      },
    )
  }
}
