// Proves what a process knows of those that it comes from, and what it owes them.
import net from 'node:net'
import { beforeEach, describe, expect, test } from 'vitest'
import { AnswerCounter } from '../../../src/connections/answer-counter.js'
import { createStderrLogger } from '../../../src/api/logger.js'
import type { Inheritance } from '../../../src/handoff/protocol.js'
import { Ancestry } from '../../../src/process/parts/ancestry.js'
import { ProcessSettings } from '../../../src/process/parts/process-settings.js'
import { FakeSystem, settle } from '../../fake-system.js'

let system: FakeSystem
let inheritance: Inheritance
let loseChannel: () => void
let counted: unknown[]

beforeEach(() => {
  system = new FakeSystem()
  counted = []
  inheritance = {
    version: 1,
    entry: {
      parent: 1,
      generation: 7,
      isSupervised: false,
      orphaned: 'serve',
      directory: '/srv/current',
      execArgv: [],
    },
    arrived: Promise.resolve(true),
    receive: () => undefined,
    welcome: {
      type: 'welcome',
      version: 1,
      generation: 7,
      directory: '/srv/current',
      ticketKeys: {},
    },
    held: [],
    channel: {
      send: () => Promise.resolve(),
      onMessage: () => undefined,
      onHandleAnswer: () => undefined,
      closed: new Promise((resolve) => (loseChannel = resolve)),
      ref: () => undefined,
      unref: () => undefined,
    },
    onGarbage: () => undefined,
    stopReporting: () => undefined,
    reportAtEnd: () => undefined,
  }
})

function ancestryOf(given: Inheritance | undefined): Ancestry {
  const settings = new ProcessSettings(createStderrLogger(system), () => 0)
  return new Ancestry(system, settings, given, {
    adopt: () => false,
    takesOver: () => undefined,
    answer: () => Promise.resolve(),
    adoptsAt: () => false,
    countAnswers: () => new AnswerCounter(() => true),
    load: () => ({ open: 0, utilization: 0 }),
    give: () => undefined,
    leave: () => undefined,
    takeTicketKeys: () => undefined,
    counted: (counts) => counted.push(counts),
    moved: () => undefined,
    metrics: () => Promise.resolve(''),
  })
}

describe('a process that somebody has started by hand', () => {
  test('is generation 0, and may accept', () => {
    const ancestry = ancestryOf(undefined)
    expect([ancestry.number, ancestry.mayAccept, ancestry.held]).toEqual([0, true, undefined])
    expect([ancestry.predecessor, ancestry.supervisor]).toEqual([undefined, undefined])
  })

  test('obeys a service manager when something listens, and once', () => {
    system.env = { NOTIFY_SOCKET: '/run/notify' }
    const ancestry = ancestryOf(undefined)
    expect([ancestry.serviceManager, system.env]).toEqual([
      undefined,
      { NOTIFY_SOCKET: '/run/notify' },
    ])
    ancestry.obeyServiceManager()
    expect([ancestry.serviceManager?.address.socket, system.env]).toEqual(['/run/notify', {}])
    system.env = { NOTIFY_SOCKET: '/run/other' }
    ancestry.obeyServiceManager()
    expect(ancestry.serviceManager?.address.socket).toBe('/run/notify')
  })

  test('obeys none as the worker of a cluster', () => {
    system.env = { NOTIFY_SOCKET: '/run/notify' }
    system.isClusterWorker = true
    const ancestry = ancestryOf(undefined)
    ancestry.obeyServiceManager()
    expect(ancestry.serviceManager).toBeUndefined()
  })

  test('has the terminal that it was started at', () => {
    system.terminalIs = 'gone'
    expect(ancestryOf(undefined).terminal).toBe('gone')
  })
})

describe('a successor', () => {
  test('may accept when its predecessor is gone', async () => {
    const ancestry = ancestryOf(inheritance)
    expect([ancestry.number, ancestry.mayAccept]).toEqual([7, false])
    loseChannel()
    await ancestry.predecessor?.takenOver
    expect(ancestry.mayAccept).toBe(true)
  })

  test('hears that its predecessor could not take a line to an heir', async () => {
    const { predecessor } = ancestryOf(inheritance)
    const line = new net.Socket()
    Object.assign(line, { _handle: { close: () => undefined } })
    const fallback = predecessor?.introduceHeir(line)
    inheritance.channel.onHandleAnswer(false)
    expect(await fallback).toBe('silent')
  })

  test('answers to the service manager that its predecessor names, not to its environment', () => {
    inheritance.welcome!.serviceManager = { socket: '/run/notify', watchdogMs: undefined }
    system.env = { NOTIFY_SOCKET: '/run/other' }
    const ancestry = ancestryOf(inheritance)
    ancestry.obeyServiceManager()
    expect([ancestry.serviceManager?.address.socket, system.env]).toEqual([
      '/run/notify',
      { NOTIFY_SOCKET: '/run/other' },
    ])
  })
})

describe('under a supervisor', () => {
  test('the terminal is that of the supervisor', () => {
    inheritance.entry.isSupervised = true
    inheritance.welcome!.supervisor = { isAtTerminal: true, isFirst: true }
    expect(ancestryOf(inheritance).terminal).toBe('present')
  })

  test('whose end it outlives, a process that accepts serves on', async () => {
    inheritance.entry.isSupervised = true
    inheritance.welcome!.supervisor = { isAtTerminal: false, isFirst: true }
    ancestryOf(inheritance)
    loseChannel()
    await settle()
    expect([system.lines, system.exits]).toEqual([[], 0])
  })

  test('whose end it outlives, a process exits only when its predecessor looks at it no more', async () => {
    inheritance.entry.isSupervised = true
    inheritance.welcome!.supervisor = { isAtTerminal: false, isFirst: true }
    const { predecessor } = ancestryOf(inheritance)
    let isFinished = false
    void predecessor!.untilFinished().then(() => (isFinished = true))
    loseChannel()
    await system.advance(3_000)
    expect(isFinished).toBe(false)
    await system.advance(3_000)
    expect(isFinished).toBe(true)
  })

  test('that dies before it may accept, a process exits: somebody else may serve', async () => {
    inheritance.entry.isSupervised = true
    inheritance.welcome!.supervisor = { isAtTerminal: false, isFirst: false }
    const ancestry = ancestryOf(inheritance)
    loseChannel()
    await settle()
    expect(system.lines.join('')).toContain('exiting')
    expect([system.exits, ancestry.mayAccept]).toEqual([1, false])
  })
})
