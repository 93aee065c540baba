// Proves that HTTP/2 clients which are not Node's are told to go elsewhere in a way that they obey, and
// have what they asked for answered. Needs nghttp and h2load (.ci/packages).
import { startProgram } from '@endless/load'
import { expect, test } from 'vitest'
import { startAnswering } from '../helpers/index.js'

const deadlineMs = 15_000

test.each([
  { name: 'cleartext', tls: false },
  { name: 'TLS', tls: true },
])(
  'over $name, nghttp is told, its streams are answered, and h2load is served by the successor',
  async ({ tls }) => {
    const program = await startAnswering({ http2: true, tls })
    const origin = `${tls ? 'https' : 'http'}://127.0.0.1:${program.port}`
    const urls = ['one', 'two'].map((name) => `${origin}/wait/${name}`)
    const client = startProgram({ command: 'nghttp', args: ['--no-dep', '--verbose', ...urls] })
    await Promise.all(['one', 'two'].map((name) => program.waitForRequest(name)))
    await program.drain('SIGHUP')
    await client.waitForLine(/recv GOAWAY/, { step: 'nghttp is told', deadlineMs })
    for (const name of ['two', 'one']) await program.answer(name)
    expect(await client.waitForExit({ step: 'nghttp ends', deadlineMs })).toMatchObject({ code: 0 })
    expect(client.stdout).toMatch(/last_stream_id=3, error_code=NO_ERROR/)
    for (const name of ['one', 'two']) expect(client.stdout).toContain(`wait ${name}`)
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })

    const load = startProgram({
      command: 'h2load',
      args: ['-n', '500', '-c', '5', '-m', '10', `${origin}/now`],
    })
    await load.waitForExit({ step: 'h2load ends', deadlineMs })
    expect(load.stdout).toContain('500 succeeded, 0 failed, 0 errored')
  },
)
