// The public interface of the package: traffic, torture, chaos, faults, programs, and tables for their results.

export { createLoad } from './traffic/load.js'
export type { Load } from './traffic/load.js'
export type { LoadOptions } from './traffic/options.js'
export { startDatagrams } from './traffic/datagrams.js'
export type { DatagramLoad, DatagramReport } from './traffic/datagrams.js'
export { get, postEcho } from './traffic/call.js'
export type { Answer, Call, CallKind, EchoOptions, Range } from './traffic/call.js'
export { summarizeFailures } from './traffic/failure.js'
export type { Failure, FailureKind } from './traffic/failure.js'
export type { LatencySummary } from './traffic/latency.js'
export type { ConnectionCounts } from './traffic/connections.js'
export type { RestartTiming } from './traffic/restart-windows.js'
export type { GenerationCount, LoadReport } from './traffic/report.js'

export { createTorture } from './torture/torture.js'
export type { Torture, TortureOptions, TortureReport } from './torture/torture.js'
export { parseResponses } from './torture/responses.js'
export type { RawResponse } from './torture/responses.js'

export { live } from './chaos/life.js'
export type { LifeOptions, LifeReport } from './chaos/life.js'
export { startService } from './chaos/service.js'
export type { Fate } from './chaos/operation.js'
export type { Service, ServiceOptions } from './chaos/service.js'
export { Clients } from './chaos/clients.js'
export { Hold } from './chaos/hold.js'
export {
  checkThatARestartWorks,
  checkThatNothingIsLost,
  checkThatOneServes,
  checkThatStopLeavesNothing,
  checkThatWhatDrainsEnds,
  settle,
} from './chaos/invariants.js'
export type { Invariant } from './chaos/violation.js'

export { allCells, cellsLike, tenthOf } from './faults/cells.js'
export type { Cell } from './faults/cells.js'
export { formatTables, readTables, worseThan } from './faults/document.js'
export type { Written } from './faults/document.js'
export { needsMount } from './faults/faults.js'
export type { Outcome } from './faults/outcome.js'
export { canMount } from './faults/place.js'
export { promiseOf } from './faults/promises.js'
export { runCells } from './faults/run-cells.js'
export { steps } from './faults/steps.js'

export { endAll, startProgram } from './program/program.js'
export type { ProgramOptions, Program, ProgramEvent } from './program/program.js'
export { hasExited, isAlive } from './program/processes.js'
export { until, withDeadline } from './program/until.js'
export type { WaitOptions } from './program/until.js'
export { freePort, freePorts } from './program/ports.js'
export { createCertificate } from './program/certificate.js'
export type { Certificate } from './program/certificate.js'

export { formatTable } from './table.js'
export type { Column } from './table.js'
export { default as colors } from 'picocolors'
