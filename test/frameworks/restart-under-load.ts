import path from 'node:path'
import { createLoad, summarizeFailures, type Call } from '@endless/load'
import { expect } from 'vitest'
import { isAlive, freePorts, startProgram, until } from '../helpers/index.js'
import type { Row } from './rows.js'
import { startRow } from './start-row.js'

const deadlineMs = 30_000

/**
 * Runs a program under `endless run`, or with preloads alone, restarts it again and again under load, and expects that no request is
 * lost, and that every generation that leaves has cleaned up.
 *
 * @param directory where the program and what it imports are
 */
export async function restartUnderLoad(
  directory: string,
  row: Row,
  restarts: number,
): Promise<void> {
  const { path: target = '/', cleanUp, client, preloads, exitCode = 0 } = row
  const [port = 0, grpcPort = 0] = await freePorts(2)
  const env = {
    PORT: String(port),
    GRPC_PORT: String(grpcPort),
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_NODE_RESOURCE_DETECTORS: 'none',
    DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
  }
  const options = { cwd: directory, env }
  const program = startRow(row, options)
  const served: number[] = []
  const serves = async (number: number): Promise<void> => {
    const since = program.output.lines.length
    if (number > 0) program.signal('SIGHUP', preloads ? served.at(-1) : program.pid)
    const pattern = new RegExp(`generation ${number} \\(pid (\\d+)\\) serves`)
    const step = `generation ${number} serves`
    const [, pid] = await program.waitForLine(pattern, { step, deadlineMs, since: number && since })
    served.push(Number(pid))
  }
  await serves(0)
  const caller = client
    ? startProgram({ args: [path.join(directory, client)], ...options })
    : undefined
  await caller?.waitForEvent('calling', { step: 'the other client calls', deadlineMs })
  const call: Call = { name: `GET ${target}`, method: 'GET', path: target }
  const load = createLoad({
    port,
    host: 'localhost',
    keepAliveConnections: 20,
    freshPerSecond: 100,
    // A late request is not a lost one.
    requestTimeoutMs: 30_000,
    calls: [() => call],
    ...row.load,
  })
  load.start()
  const answers = async (count: number): Promise<void> => {
    const goal = load.snapshot().answered + count
    await until(() => load.snapshot().answered >= goal, {
      step: `${count} further answers`,
      deadlineMs,
      explain: () => JSON.stringify(load.snapshot()) + program.output.toString(),
    })
  }
  for (let number = 1; number <= restarts; number++) {
    await answers(200)
    await serves(number)
  }
  await answers(200)
  expect(summarizeFailures((await load.stop()).failures)).toEqual([])
  if (caller) {
    caller.signal('SIGTERM', caller.pid)
    const called = await caller.waitForEvent('called', { step: 'the client reports', deadlineMs })
    expect(called).toMatchObject({ failures: [] })
  }
  if (preloads) {
    const last = served.at(-1) ?? 0
    program.signal('SIGTERM', last)
    await until(() => !isAlive(last), { step: 'the service ends', deadlineMs })
    return
  }
  program.signal('SIGTERM', program.pid)
  expect(await program.waitForExit({ step: 'the service ends', deadlineMs })).toEqual({
    code: exitCode,
    signal: null,
  })
  if (!cleanUp) return
  const cleaned = program.stdout.split('\n').flatMap((line) => cleanUp.exec(line)?.[1] ?? [])
  // The last two may clean up side by side.
  expect(cleaned.map(Number).sort()).toEqual(served.sort())
}
