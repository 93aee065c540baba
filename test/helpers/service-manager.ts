import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { startProgram, until, type Program } from '@endless/load'
import { temporaryDirectory } from './temporary.js'

const execute = promisify(execFile)
const deadlineMs = 15_000

/**
 * A shell is pid 1, since `systemd --user` will not be; what looks for a booted system (sd_booted(3)) finds
 * one. The kernel ends all of it with the shell.
 */
const boot = `mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system || exit
/lib/systemd/systemd --user --unit=basic.target`

/** Systemd as the manager of one user, with a runtime directory, processes and units of its own. */
export class TestManager {
  /** `%t` in units. */
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
        'systemd --user is up in namespaces of its own. That takes root, the right to unshare and mount, ' +
        'cgroups, and the package systemd: without them these tests cannot run',
      deadlineMs,
      explain: () => manager.#program.output.toString(),
    })
    return manager
  }

  /** What the services have written. */
  get output(): string {
    return readFileSync(this.#output, 'utf8')
  }

  /** Adds units, by their names, with what they write in `output`. */
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
   * Runs `systemctl --user`; resolves with what it printed.
   *
   * @throws if it fails, with what the services have written
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

  /** Runs a command among the services, where their pids mean them. */
  async run(command: string, ...args: string[]): Promise<string> {
    const { pid } = this.#program
    const [shell] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    const enter = ['--target', shell ?? '', '--pid', '--mount', '--', command, ...args]
    const env = { ...process.env, XDG_RUNTIME_DIR: this.runtime }
    const { stdout } = await execute('nsenter', enter, { env, timeout: deadlineMs })
    return stdout.trim()
  }

  /** What systemd knows of a unit: `{ MainPID: '41', ActiveState: 'active' }`. */
  async show<P extends string>(unit: string, ...properties: P[]): Promise<Record<P, string>> {
    const text = await this.systemctl('show', unit, '--property', properties.join(','))
    const pairs = text.split('\n').map((line) => /^(\w+)=(.*)$/.exec(line)?.slice(1) ?? [])
    return Object.fromEntries(pairs as [P, string][]) as Record<P, string>
  }

  /** Resolves when systemd knows that of a unit. */
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
