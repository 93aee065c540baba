import * as core from '@endless/core'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import supertest from 'supertest'
import { expect, onTestFinished, test } from 'vitest'
import { get } from '../helpers/index.js'
import type { AdapterFixture, AdapterUnderTest, Subject } from './adapter.js'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

export function testInProcess({ fixture, framework }: AdapterUnderTest): void {
  const url = new URL(`../fixtures/contract/${fixture}`, import.meta.url).href

  async function createSubject(): Promise<Subject> {
    const { createSubject } = (await import(url)) as AdapterFixture
    const subject = await createSubject({ framework, options: { logger: silent } })
    onTestFinished(async () => {
      await subject.endless.shutdown()
    })
    return subject
  }

  test('its package has everything that core has', async () => {
    const { adapter } = (await import(url)) as AdapterFixture
    expect(Object.keys(adapter)).toEqual(expect.arrayContaining(Object.keys(core)))
    expect(adapter.generation).toBe(core.generation)
  })

  test('supertest can ask its server, more than once, and the test runner lives on', async () => {
    const before = signalListeners()
    const { endless } = await createSubject()
    await supertest(endless.server).get('/').expect(200, 'hello')
    await supertest(endless.server).post('/echo').type('bin').send('again').expect(200)
    expect(await endless.terminated).toMatchObject({ reason: 'closed', hammered: 0 })
    expect(endless.state).toBe('terminate')
    expect(signalListeners()).toEqual(before)
  })

  test('listen(0) takes a free port, and says which', async () => {
    const { endless, listen } = await createSubject()
    expect(endless).toMatchObject({ address: null, state: 'init' })
    await listen(0, '127.0.0.1')
    const { port } = endless.server.address() as AddressInfo
    expect(endless).toMatchObject({ address: `127.0.0.1:${port}`, state: 'running' })
    expect((await get(port)).body).toBe('hello')
  })

  test("a listen while it listens throws Node's error", async () => {
    const { endless, listen } = await createSubject()
    await listen(0, '127.0.0.1')
    expect(() => endless.listen(0)).toThrow(
      expect.objectContaining({ code: 'ERR_SERVER_ALREADY_LISTEN' }),
    )
    expect(endless.state).toBe('running')
  })

  test('a port in use is told to whoever listens', async () => {
    const other = net.createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    onTestFinished(() => void other.close())
    const { endless, listen } = await createSubject()
    const { port } = other.address() as AddressInfo
    await expect(listen(port, '127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' })
    expect(endless.address).toBeNull()
  })

  test('its own shutdown drains the server and does not end the process', async () => {
    const { endless, listen } = await createSubject()
    await listen(0, '127.0.0.1')
    expect(await endless.shutdown()).toMatchObject({ reason: 'shutdown', hammered: 0 })
    expect(endless).toMatchObject({ address: null, state: 'terminate' })
  })
}

function signalListeners(): number[] {
  return ['SIGHUP', 'SIGTERM', 'SIGINT'].map((signal) => process.listenerCount(signal))
}
