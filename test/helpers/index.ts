// Everything that the tests with processes share.

export {
  createCertificate,
  freePort,
  freePorts,
  hasExited,
  isAlive,
  until,
  withDeadline,
  startProgram,
} from '@endless/load'
export type { Certificate, Program, ProgramEvent, WaitOptions } from '@endless/load'
export { fallen, valuesOf } from './metrics.js'
export type { Values } from './metrics.js'
export { createKeepAliveAgent, get, post } from './http-client.js'
export type { ClientResponse, RequestOptions } from './http-client.js'
export { endless, runEndless, runtimeDirectory, startFixture, superviseFixture } from './program.js'
export type { FixtureOptions } from './program.js'
export { connectPipelining, Pipelining } from './pipelining.js'
export type { PipeliningOptions } from './pipelining.js'
export { connectRaw, RawClient } from './raw-client.js'
export type { RawOptions, RawTarget } from './raw-client.js'
export { parseResponses } from '@endless/load'
export type { RawResponse } from '@endless/load'
export { openGate, waitForGate } from './gate.js'
export type { GateEvent } from './gate.js'
export { installCore, temporaryDirectory } from './temporary.js'
export { Answering, startAnswering } from './answering.js'
export type { AnsweringSettings } from './answering.js'
export { startTelling, Telling, whoAnswers } from './telling.js'
export type { TellingSettings } from './telling.js'
export { connectHttp2, Http2Client } from './http2-client.js'
export type { Http2Response } from './http2-client.js'
export { http2Get, http2Goaway, http2Preface, parseHttp2Frames } from './http2-frames.js'
export { Http2Load } from './http2-load.js'
export { TestManager } from './service-manager.js'
export { startWorkers, Workers } from './workers.js'
export type { Worker, WorkersStatus } from './workers.js'
export {
  answersAgain,
  answersMore,
  answersWith,
  eventOf,
  eventsOf,
  isRefused,
  longProbation,
  putLoad,
  serveOnProbation,
  startOnProbation,
} from './on-probation.js'
export type { How, Told } from './on-probation.js'
