import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { messageOf, oneLine } from '@endless/core/for-cli'
import type * as Rehearse from '@endless/rehearse'
import { currentAsker } from '../control/asker.js'
import { Client } from '../control/client.js'
import { Failure } from '../control/failure.js'
import { find } from '../control/find.js'
import { Progress } from '../control/progress.js'
import type { RehearseLine } from './rehearse-flags.js'
import { restart } from './restart.js'

// The command `endless rehearse`.

const ending = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What to print, and whether the server kept the limits. */
export interface RehearseResult {
  text: string
  passed: boolean
}

/**
 * Rehearses restarts of a server. Ctrl-C, SIGTERM or a closed terminal ends the rehearsal in a report; a second one
 * ends the process.
 *
 * @param command the command that starts the server; empty for one that runs
 * @throws (rejects) {Failure} if the command line makes no sense, or the server cannot be started or reached
 */
export async function rehearse(
  command: readonly string[],
  line: RehearseLine,
): Promise<RehearseResult> {
  const { json, html } = line
  const library = await load()
  const live = new library.Live(process.stderr)
  const interrupt = new AbortController()
  const stop = (): void => {
    // By its exit, and not by the signal, it also ends the server.
    if (interrupt.signal.aborted) process.exit(130)
    interrupt.abort()
  }
  for (const name of ending) process.on(name, stop)
  try {
    // Known before the rehearsal, which may take minutes.
    for (const file of [json, html]) if (typeof file === 'string') write(appendFileSync, file, '')
    const { report, page } = await library.rehearse({
      ...optionsOf(command, line, library),
      signal: interrupt.signal,
      onStep: (step) => live.say(oneLine(step)),
      onProgress: (progress) => live.show(progress),
    })
    live.end()
    const asJson = JSON.stringify(report, null, 2)
    if (typeof json === 'string') write(writeFileSync, json, `${asJson}\n`)
    if (html !== undefined) write(writeFileSync, html, page())
    return { text: json === true ? asJson : library.textOf(report), passed: report.verdict.passed }
  } catch (error) {
    live.end()
    if (!(error instanceof library.RehearseError)) throw error
    throw new Failure('misused', error.message, error.output.slice(-20))
  } finally {
    for (const name of ending) process.off(name, stop)
  }
}

/** Loads the rehearsal, which is a package of its own. See docs/decisions.md, "Rehearsals are a package of their own" */
async function load(): Promise<typeof Rehearse> {
  try {
    return await import('@endless/rehearse')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Failure(
      'misused',
      'endless rehearse is a package of its own: npm install --save-dev @endless/rehearse',
    )
  }
}

function optionsOf(
  command: readonly string[],
  line: RehearseLine,
  library: typeof Rehearse,
): Rehearse.RehearseOptions {
  const [file, ...args] = command
  const { fromLog, ws } = line
  if (file === undefined && line.url === undefined) {
    throw new Failure('misused', 'say what to rehearse: -- node app.js, or --url for one that runs')
  }
  const paths = [
    ...(line.path ?? []),
    ...(fromLog === undefined ? [] : library.pathsInLog(readText(fromLog))),
  ]
  if (fromLog !== undefined && paths.length === 0) {
    throw new Failure('misused', `${fromLog} has no GET request in the common log format`)
  }
  const restartBy = restartByControl(line)
  if (file === undefined && line.restartCommand === undefined && !restartBy) {
    throw new Failure(
      'misused',
      'say how the server is restarted: --restart-command, --service, --pid-file or --control',
    )
  }
  return {
    command: file === undefined ? undefined : [file, ...args],
    url: line.url,
    ownHost: line.yesThisIsMine,
    restarts: line.restarts,
    restartCommand: line.restartCommand,
    restartBy,
    paths: paths.length > 0 ? paths : undefined,
    echo: line.echo,
    isHttp2: line.http2,
    size: {
      ...(line.kept === undefined ? {} : { kept: line.kept }),
      ...(line.rate === undefined ? {} : { rate: line.rate }),
      ...(line.fresh === undefined ? {} : { fresh: line.fresh }),
      ...(line.idle === undefined ? {} : { idle: line.idle }),
      ...(line.wsConnections === undefined ? {} : { webSockets: line.wsConnections }),
      ...(ws === undefined ? {} : { webSocketPath: ws }),
    },
    pidHeader: line.pidHeader?.toLowerCase(),
    calmMs: line.calm,
    settleMs: line.settle,
    timeoutMs: line.timeout,
    startTimeoutMs: line.startTimeout,
    restartTimeoutMs: line.restartTimeout,
    maxDurationMs: line.maxDuration,
    limits: {
      ...(line.maxFailed === undefined ? {} : { maxFailed: line.maxFailed }),
      maxP99Ratio: line.maxP99Ratio,
    },
    commandLine: `endless ${process.argv.slice(2).map(quoted).join(' ')}`,
  }
}

/** Restarts by the control socket, as `endless restart` does, if the command line names a service. */
function restartByControl({
  service: name,
  pidFile,
  control,
}: RehearseLine): Rehearse.RehearseOptions['restartBy'] {
  if (name === undefined && pidFile === undefined && control === undefined) return undefined
  const asker = currentAsker()
  const question = { command: 'restart', directory: process.cwd(), asker }
  const silent = new Progress({ write: () => undefined })
  return {
    name: `endless restart --now ${name ?? (control === undefined ? `--pid-file ${pidFile ?? ''}` : `--control ${control}`)}`,
    async restart() {
      const client = new Client(await find({ name, pidFile, control }, question), asker)
      await restart(client, { wait: 'ready', allowAddressChange: false, isNow: true }, silent)
    },
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Failure('misused', `cannot read ${file}: ${messageOf(error)}`)
  }
}

function write(by: (file: string, text: string) => void, file: string, text: string): void {
  try {
    by(file, text)
  } catch (error) {
    throw new Failure('misused', `cannot write ${file}: ${messageOf(error)}`)
  }
}

/** Quotes a word of a command line, if a shell would need it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
