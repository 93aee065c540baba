// Proves what of the environment a successor gets: what this process was started with and what it has
// set since it serves, but not what it set itself while it booted.
import { beforeEach, expect, test } from 'vitest'
import { Environment } from '../../src/launch/environment.js'
import { FakeSystem } from '../fake-system.js'

let system: FakeSystem
let environment: Environment

beforeEach(() => {
  system = new FakeSystem()
  system.startEnvironment = { HOME: '/root', MODE: 'production', DROPPED: 'here' }
  system.env = { ...system.startEnvironment }
  environment = new Environment(system)
})

test('what it was started with is passed on', () => {
  environment.bootEnded()
  expect(environment.forSuccessor()).toEqual(system.startEnvironment)
})

test('what it set while it booted is left out, so that dotenv can set it anew', () => {
  system.env['FROM_DOTENV'] = 'old'
  environment.bootEnded()
  expect(environment.forSuccessor()).toEqual(system.startEnvironment)
})

test('what it changed or deleted while it booted is as it was at the start', () => {
  system.env['MODE'] = 'test'
  delete system.env['DROPPED']
  environment.bootEnded()
  expect(environment.forSuccessor()).toEqual(system.startEnvironment)
})

test('what it sets, changes or deletes when it serves is meant for its successor', () => {
  system.env['FROM_DOTENV'] = 'old'
  environment.bootEnded()
  system.env['FROM_DOTENV'] = 'new'
  system.env['SINCE'] = '1'
  delete system.env['HOME']
  expect(environment.forSuccessor()).toEqual({
    MODE: 'production',
    DROPPED: 'here',
    FROM_DOTENV: 'new',
    SINCE: '1',
  })
})

test('a variable that was set while it booted and deleted since stays deleted', () => {
  system.env['MODE'] = 'test'
  environment.bootEnded()
  delete system.env['MODE']
  expect(environment.forSuccessor()).toEqual({ HOME: '/root', DROPPED: 'here' })
})

test('everything is passed on where the platform does not tell how the process was started', () => {
  system.startEnvironment = undefined
  system.env['FROM_DOTENV'] = 'old'
  environment.bootEnded()
  expect(environment.forSuccessor()).toEqual(system.env)
})

test('the environment of this process is left as it is', () => {
  system.env['FROM_DOTENV'] = 'old'
  environment.bootEnded()
  environment.forSuccessor()['HOME'] = '/elsewhere'
  expect(system.env).toMatchObject({ FROM_DOTENV: 'old', HOME: '/root' })
})
