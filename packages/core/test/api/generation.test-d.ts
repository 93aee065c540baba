// Proves what TypeScript knows of this process: its methods, the payloads of its events, the codes of its errors.
import type net from 'node:net'
import type { Duplex } from 'node:stream'
import { expectTypeOf, test } from 'vitest'
import type { WebSocketServer } from 'ws'
import {
  closeWebSockets,
  type ConnectionCounts,
  type DrainTrace,
  EndlessError,
  type EndlessErrorCode,
  type errorCodes,
  generation,
  type Generation,
  type GenerationState,
  type LastRestart,
  type MoveReason,
  type MoveTrace,
  type RestartReport,
  type RestartTrace,
  type ServerStatus,
  type ShutdownReport,
} from '../../src/index.js'

test('a generation has what the guide says', () => {
  expectTypeOf(generation).toEqualTypeOf<Generation>()
  expectTypeOf(generation.number).toEqualTypeOf<number>()
  expectTypeOf(generation.isSuccessor).toEqualTypeOf<boolean>()
  expectTypeOf(generation.hasSuccessor).toEqualTypeOf<boolean>()
  expectTypeOf(generation.predecessorGone).toEqualTypeOf<Promise<void>>()
  expectTypeOf(generation.state).toEqualTypeOf<GenerationState>()
  expectTypeOf(generation.restart()).toEqualTypeOf<Promise<RestartReport>>()
  expectTypeOf(generation.restart({ probationMs: 60_000, wait: 'proven' })).toEqualTypeOf<
    Promise<RestartReport>
  >()
  expectTypeOf(generation.isOnProbation).toEqualTypeOf<boolean>()
  expectTypeOf(generation.rollback('it answers 500')).toEqualTypeOf<Promise<void>>()
  // @ts-expect-error -- a rollback without a reason helps nobody
  void generation.rollback()
  expectTypeOf(generation.shutdown()).toEqualTypeOf<Promise<ShutdownReport>>()
  expectTypeOf(generation.ready).returns.toEqualTypeOf<void>()
  expectTypeOf(generation.hammer).returns.toEqualTypeOf<void>()
  expectTypeOf(generation.status().servers[0]!.address).toEqualTypeOf<string | null>()
  expectTypeOf(generation.status().servers[0]!).toEqualTypeOf<ServerStatus>()
  expectTypeOf(generation.status().servers[0]!.connections).toEqualTypeOf<ConnectionCounts>()
  expectTypeOf(generation.status().memoryBytes).toEqualTypeOf<number>()
  expectTypeOf(generation.status().utilization).toEqualTypeOf<number>()
  expectTypeOf(generation.metrics()).toEqualTypeOf<Promise<string>>()
  expectTypeOf(generation.status().lastRestart).toEqualTypeOf<LastRestart | null>()
  expectTypeOf<RestartReport['dropped']>().toEqualTypeOf<string[]>()
  expectTypeOf<LastRestart['dropped']>().toEqualTypeOf<string[]>()
  expectTypeOf(generation.onTerminate(async () => 'OK')).toEqualTypeOf<Generation>()
  // @ts-expect-error -- only the process itself counts
  generation.number = 1
  // @ts-expect-error -- only a handoff makes it one
  generation.hasSuccessor = true
})

test('each event has its payload', () => {
  const chained = generation
    .on('ready', (...nothing) => expectTypeOf(nothing).toEqualTypeOf<[]>())
    .on('predecessor-gone', (...nothing) => expectTypeOf(nothing).toEqualTypeOf<[]>())
    .on('restarting', ({ number }) => expectTypeOf(number).toEqualTypeOf<number>())
    .on('restart-failed', (error) => expectTypeOf(error).toEqualTypeOf<EndlessError>())
    .on('proven', (...nothing) => expectTypeOf(nothing).toEqualTypeOf<[]>())
    .on('rolled-back', (error) => expectTypeOf(error).toEqualTypeOf<EndlessError>())
    .on('taken-over', (report) => expectTypeOf(report).toEqualTypeOf<RestartReport>())
    .on('drain', ({ server, upgraded }) => {
      expectTypeOf(server).toEqualTypeOf<net.Server>()
      expectTypeOf(upgraded).toEqualTypeOf<Duplex[]>()
    })
    .on('adopt', ({ socket, state, server }) => {
      expectTypeOf(socket).toEqualTypeOf<net.Socket>()
      expectTypeOf(state).toEqualTypeOf<unknown>()
      expectTypeOf(server).toEqualTypeOf<net.Server>()
    })
    .on('hammer', ({ destroyed }) => expectTypeOf(destroyed).toEqualTypeOf<number>())
    .on('terminate', ({ reason }) =>
      expectTypeOf(reason).toEqualTypeOf<'handoff' | 'shutdown' | 'closed'>(),
    )
    .off('ready', () => undefined)
  expectTypeOf(chained).toEqualTypeOf<Generation>()
  // @ts-expect-error -- no such event
  generation.on('restarted', () => undefined)
  // @ts-expect-error -- that event has no pid
  generation.on('restarting', ({ pid }) => pid as unknown)
})

test('what the diagnostics channels tell has types', () => {
  expectTypeOf<RestartTrace['result']>().toEqualTypeOf<RestartReport | undefined>()
  expectTypeOf<RestartTrace['error']>().toEqualTypeOf<EndlessError | undefined>()
  expectTypeOf<DrainTrace['server']>().toEqualTypeOf<net.Server>()
  expectTypeOf<DrainTrace['reason']>().toEqualTypeOf<ShutdownReport['reason']>()
  expectTypeOf<MoveTrace['why']>().toEqualTypeOf<MoveReason>()
  expectTypeOf<MoveReason>().toEqualTypeOf<'restart' | 'rollback' | 'balance' | 'scale'>()
  expectTypeOf<MoveTrace['result']>().toEqualTypeOf<boolean | undefined>()
})

test('WebSockets of ws, and whatever has clients as it has, can be told of a drain', () => {
  const webSockets = {} as WebSocketServer
  generation.on('drain', closeWebSockets(webSockets))
  generation.on('drain', closeWebSockets(webSockets, { windowMs: 20_000 }))
  closeWebSockets({ clients: [{ readyState: 1, close: () => undefined }] })
  // @ts-expect-error -- no such option
  closeWebSockets(webSockets, { window: 20 })
  // @ts-expect-error -- that has no clients
  closeWebSockets({})
})

test('an upgraded socket can be given away with a state', () => {
  expectTypeOf(generation.migrate).parameter(0).toEqualTypeOf<Duplex>()
  expectTypeOf(generation.migrate({} as Duplex, { name: 'Ada' })).toEqualTypeOf<Promise<boolean>>()
  expectTypeOf(generation.migrate({} as Duplex)).toEqualTypeOf<Promise<boolean>>()
})

test('the codes of errors are a union that a switch can go through', () => {
  expectTypeOf<EndlessErrorCode>().toEqualTypeOf<(typeof errorCodes)[number]>()
  expectTypeOf<'ERR_ENDLESS_READY_TIMEOUT'>().toExtend<EndlessErrorCode>()
  expectTypeOf<string>().not.toExtend<EndlessErrorCode>()
  const error = new EndlessError('ERR_ENDLESS_NOT_RUNNING', 'why')
  expectTypeOf(error).toExtend<Error>()
  expectTypeOf(error.code).toEqualTypeOf<EndlessErrorCode>()
  expectTypeOf(error.exitCode).toEqualTypeOf<number | null | undefined>()
  expectTypeOf(error.stderr).toEqualTypeOf<string[] | undefined>()
  // @ts-expect-error -- no such code
  new EndlessError('ERR_ENDLESS_TYPO', 'why')
})
