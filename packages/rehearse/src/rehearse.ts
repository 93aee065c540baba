import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Recorder, type RestartRecord } from './record/recorder.js'
import { type Circumstances, buildReport } from './report/build-report.js'
import type { Report } from './report/report.js'
import { pageOf } from './page/page.js'
import { type Address, addressOf } from './service/address.js'
import { RehearseError } from './service/rehearse-error.js'
import { byCommand, byHangUp, otherServer, type RestartWay } from './service/restart-ways.js'
import { connects, StartedService } from './service/started-service.js'
import { type Survey, survey } from './service/survey.js'
import { Load } from './traffic/load.js'
import type { Target } from './wire/call.js'
import type { Progress } from './report/progress.js'
import { defaultSize, type RehearseOptions } from './options.js'

/** The header by which a server that the rehearsal started tells its pid. */
const ownPidHeader = 'x-rehearse-pid'
const progressMs = 100
const lookMs = 20

/** What a rehearsal has found. */
export interface Rehearsed {
  report: Report
  /** Returns the report as one page of HTML that needs nothing else. */
  page: () => string
}

/**
 * Puts load on a server, restarts it, and accounts for every request and every connection. Retries nothing.
 *
 * @throws (rejects) {RehearseError} if the server cannot be started or reached, or does not serve what is wanted
 */
export async function rehearse(options: RehearseOptions): Promise<Rehearsed> {
  const { command, url, ownHost, maxDurationMs = 600_000, onStep = () => undefined } = options
  const given = url === undefined ? undefined : addressOf(url, ownHost)
  if (!command && !given) throw new RehearseError('say what to rehearse: -- <command>, or --url')
  const user = options.signal ?? new AbortController().signal
  const timeLimit = AbortSignal.timeout(maxDurationMs)
  const signal = AbortSignal.any([user, timeLimit])
  const port = given?.port ?? (Number(process.env['PORT']) || (await freePort()))
  if (command && (await connects(port))) {
    throw new RehearseError(
      `something listens on port ${port} already, which would be rehearsed in place of the server: ` +
        'end it, or give the server another port in PORT',
    )
  }
  const service = command && new StartedService(command, environment(port))
  const killAll = (): void => void service?.kill()
  // However this process ends, it leaves no server behind.
  process.once('exit', killAll)
  try {
    const address = await reach(service, given, port, { ...options, signal }, onStep)
    const target = targetOf(address, options)
    const surveyed = await survey(target, {
      paths: options.paths ?? (options.echo === undefined ? [{ path: '/', weight: 1 }] : []),
      echo: options.echo,
      webSocketPath: options.size?.webSocketPath,
      isHttp2: options.isHttp2 ?? false,
      pidHeaders: [options.pidHeader ?? 'x-pid', ownPidHeader],
      signal,
    })
    for (const { path, why } of surveyed.leftOut) onStep(`Left out: ${path}, which ${why}`)
    service?.served()
    return await run({ options, service, address, target, surveyed, signal, timeLimit, onStep })
  } catch (error) {
    if (!signal.aborted || error instanceof RehearseError) throw error
    throw new RehearseError(
      timeLimit.aborted
        ? 'it took longer than --max-duration until the load began'
        : 'it was interrupted before the load began',
      service?.output,
    )
  } finally {
    if (service) onStep('Ending the server')
    for (const pid of (await service?.end()) ?? []) {
      onStep(`pid ${pid} is left: it is another user's, and cannot be ended`)
    }
    process.off('exit', killAll)
  }
}

interface Run {
  options: RehearseOptions
  service: StartedService | undefined
  address: Address
  target: Target
  surveyed: Survey
  signal: AbortSignal
  timeLimit: AbortSignal
  onStep: (step: string) => void
}

async function run(given: Run): Promise<Rehearsed> {
  const { options, service, address, target, surveyed, signal, timeLimit } = given
  const { pidHeader, plan } = surveyed
  const isHttp2 = options.isHttp2 ?? false
  const recorder = new Recorder()
  const load = new Load(
    { target: { ...target, pidHeader: pidHeader ?? '' }, isHttp2, plan, recorder },
    { ...defaultSize, ...options.size },
  )
  const date = new Date().toISOString()
  const progress = setInterval(
    () => options.onProgress?.(progressOf(recorder, options)),
    progressMs,
  )
  recorder.start()
  load.start()
  try {
    await restartAll(recorder, wayOf(given, recorder), given)
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    clearInterval(progress)
    await load.stop()
    recorder.stop()
  }
  const circumstances: Circumstances = {
    date,
    endedBy: timeLimit.aborted ? 'time-limit' : signal.aborted ? 'interrupt' : 'plan',
    url: address.url,
    protocol: isHttp2 ? 'HTTP/2' : 'HTTP/1.1',
    server: options.command?.join(' ') ?? null,
    command: options.commandLine ?? '',
    durationMs: recorder.nowMs,
    processesKnownBy: recorder.processes.all.length > 0 ? (pidHeader ?? null) : null,
    areRestartsSeen:
      service !== undefined || options.restartBy !== undefined || recorder.processes.all.length > 0,
    respawns: service?.respawns ?? 0,
  }
  const report = buildReport(recorder, circumstances, { maxFailed: 0, ...options.limits })
  return { report, page: () => pageOf(report, recorder) }
}

/** Restarts the server again and again, with calm times before, between and after. */
async function restartAll(recorder: Recorder, way: RestartWay, given: Run): Promise<void> {
  const { options, signal, surveyed, onStep, service } = given
  const { restarts = 3, calmMs = 3_000, settleMs = 2_000, restartTimeoutMs = 60_000 } = options
  await sleep(calmMs, undefined, { signal })
  // Who has answered by now is old: on a machine that is busy, nobody may have.
  const tellsPid =
    surveyed.pidHeader !== undefined &&
    (await firstAnswer(recorder, 0, restartTimeoutMs, signal)) !== undefined
  for (let number = 1; number <= restarts; number++) {
    const restart: RestartRecord = { atMs: recorder.nowMs, what: way.describe() }
    const respawns = service?.respawns ?? 0
    onStep(`Restart ${number} of ${restarts}: ${restart.what ?? ''}`)
    recorder.restarts.push(restart)
    const before = new Set(service?.alive)
    try {
      await within(restartTimeoutMs, signal, (limit) => way.restart(limit))
      restart.doneMs = recorder.nowMs
      if (!tellsPid && service && !(await newProcess(service, before, restartTimeoutMs, signal))) {
        throw noNewProcess(restartTimeoutMs, way)
      }
      if (tellsPid) {
        const first = await firstAnswer(recorder, number, restartTimeoutMs, signal)
        if (!first) throw noNewProcess(restartTimeoutMs, way)
        const afterMs = Math.round(first.firstAnswerMs - restart.atMs)
        onStep(`  pid ${first.pid} answers after ${afterMs} ms`)
      }
    } catch (error) {
      if (signal.aborted) throw error
      restart.error = error instanceof Error ? error.message : String(error)
      onStep(`  failed: ${restart.error}`)
    }
    if (service && service.respawns > respawns) {
      onStep('  the restart ended the server; it was started again, as a service manager does')
    }
    for (const { pid } of recorder.processes.all) service?.saw(pid)
    await sleep(settleMs, undefined, { signal })
    restart.endMs = recorder.nowMs
    await sleep(calmMs, undefined, { signal })
  }
}

async function firstAnswer(
  recorder: Recorder,
  generation: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ pid: number; firstAnswerMs: number } | undefined> {
  const endsMs = recorder.nowMs + timeoutMs
  while (recorder.nowMs < endsMs) {
    const first = recorder.processes.firstOf(generation)
    if (first) return first
    await sleep(lookMs, undefined, { signal })
  }
  return undefined
}

/** Waits until a started server has a process that it had not before; returns whether it has. Its responses name none. */
async function newProcess(
  service: StartedService,
  before: ReadonlySet<number>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (process.platform !== 'linux') return true // nothing is known of its processes
  const endsMs = performance.now() + timeoutMs
  while (performance.now() < endsMs) {
    if (service.alive.some((pid) => !before.has(pid))) return true
    await sleep(lookMs, undefined, { signal })
  }
  return false
}

function noNewProcess(timeoutMs: number, { advice }: RestartWay): Error {
  return new Error(`no new process has answered within ${timeoutMs / 1_000} s. ${advice}`)
}

/** Waits for a restart to be done, but only for so long; `act` is told when that is over. */
async function within(
  timeoutMs: number,
  signal: AbortSignal,
  act: (limit: AbortSignal) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted()
  // Not `AbortSignal.timeout` in `AbortSignal.any`: Node may collect it before it fires (nodejs/node#57736).
  const limit = new AbortController()
  const end = (): void => limit.abort()
  const timer = setTimeout(end, timeoutMs)
  signal.addEventListener('abort', end)
  const over = new Promise<never>((_, reject) => {
    limit.signal.addEventListener('abort', () =>
      reject(new Error(`it was not done within ${timeoutMs / 1_000} s (--restart-timeout)`)),
    )
  })
  try {
    await Promise.race([over, act(limit.signal)])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}

function wayOf({ options, service }: Run, recorder: Recorder): RestartWay {
  const { restartBy, restartCommand } = options
  if (restartBy) {
    const { name } = restartBy
    return { describe: () => name, restart: () => restartBy.restart(), advice: otherServer }
  }
  if (restartCommand !== undefined) return byCommand(restartCommand)
  if (service) return byHangUp(service, recorder)
  throw new RehearseError('say how the server is restarted: --restart-command, or its name')
}

async function reach(
  service: StartedService | undefined,
  given: Address | undefined,
  port: number,
  { startTimeoutMs = 30_000, signal }: RehearseOptions & { signal: AbortSignal },
  onStep: (step: string) => void,
): Promise<Address> {
  if (!service) return given ?? addressOf(`http://localhost:${port}`)
  if (service.pid !== undefined) onStep(`Starting the server, pid ${service.pid}`)
  const found = await service.listens(port, startTimeoutMs, signal)
  const address = given ?? addressOf(`http://localhost:${found}`)
  onStep(`The server listens at ${address.url}`)
  return address
}

function targetOf({ host, port, authority, isTls }: Address, options: RehearseOptions): Target {
  const { timeoutMs = 10_000 } = options
  return { host, port, authority, isTls, timeoutMs, pidHeader: '' }
}

/** Returns the environment of the server: a port, and in Node a header that tells the pid. */
function environment(port: number): NodeJS.ProcessEnv {
  const preload = new URL('./service/tell-pid.js', import.meta.url).href
  const { NODE_OPTIONS: own } = process.env
  return {
    ...process.env,
    PORT: String(port),
    NODE_OPTIONS: `${own === undefined ? '' : `${own} `}--import=${preload}`,
  }
}

function progressOf(
  recorder: Recorder,
  { restarts = 3, calmMs = 3_000, settleMs = 2_000 }: RehearseOptions,
): Progress {
  const answers: number[] = []
  for (const { generation, answers: more } of recorder.processes.all) {
    answers[generation] = (answers[generation] ?? 0) + more
  }
  const elapsedMs = recorder.nowMs
  // A restart takes a second, say: the bar never runs ahead of the restarts that have begun.
  const roundMs = calmMs + settleMs + 1_000
  const begun = recorder.restarts.length
  const sinceMs = elapsedMs - (recorder.restarts.at(-1)?.atMs ?? 0)
  const doneMs = begun === 0 ? 0 : calmMs + (begun - 1) * roundMs
  return {
    elapsedMs,
    restart: begun,
    restarts,
    fraction: Math.min(
      1,
      (doneMs + Math.min(sinceMs, begun === 0 ? calmMs : roundMs)) / (calmMs + restarts * roundMs),
    ),
    requests: recorder.requests.length,
    lost: recorder.lost,
    // A generation that never answered is a hole in the list.
    answers: Array.from({ length: answers.length }, (_, at) => answers[at] ?? 0),
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, 'localhost')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
