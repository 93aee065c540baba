// Proves that the mistakes that everybody makes either work, or are refused at once with what to write.
import { expect, test } from 'vitest'
import { freePort, get, startFixture } from '../helpers/index.js'

const deadlineMs = 15_000

test.each(['core', 'express', 'koa'])(
  '%s: endless(app) and then app.listen() restarts with the options that were given',
  async (mistake) => {
    const port = await freePort()
    const program = startFixture('misuses.mjs', { args: [mistake, String(port)] })
    await program.waitForGeneration(0, { deadlineMs })
    program.signal('SIGHUP')
    await program.waitForGeneration(1, { deadlineMs })
    await program.waitForEvent('hook', { step: 'the hook runs', deadlineMs })
    expect((await get(port)).headers['x-generation']).toBe('1')
  },
)

test.each([
  ['after listen', 'This server listened before it was made endless'],
  ['after listen, by name', 'This server listened before it was made endless'],
  ['app after listen', 'This app listens already, on '],
  ['express-ws', 'express-ws serves the WebSockets of this app on another server'],
])('%s: is refused at once, with what to write', async (mistake, message) => {
  const program = startFixture('misuses.mjs', { args: [mistake, String(await freePort())] })
  expect(
    await program.waitForEvent('refused', { step: 'it is refused', deadlineMs }),
  ).toMatchObject({
    code: 'ERR_ENDLESS_INVALID_HANDLER',
    message: expect.stringMatching(
      new RegExp(`^${message}[^]*endless\\((?:app|server)\\)\\.listen`),
    ) as string,
  })
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 1 })
})
