// Proves that rights are set on the socket that was bound, and on nothing that somebody has put in its place;
// on Linux by the open file, elsewhere only where nobody can.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { applyRights } from '../../src/listeners/socket-rights.js'
import { bindUnixSocket, type UnixSocket } from '../../src/listeners/unix-socket.js'

const isRoot = process.getuid?.() === 0
const rights = { mode: 0o666, owner: undefined }

let directory: string
let target: string
let socket: UnixSocket | undefined

beforeEach(() => {
  // Not in the temporary directory itself: its own directory is what a case opens for others.
  directory = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'endless-rights-'))
  target = path.join(directory, 'app.sock')
})

afterEach(() => {
  vi.restoreAllMocks()
  socket?.handle.close()
  socket = undefined
  fs.rmSync(directory, { recursive: true })
})

async function bind(mode: number | undefined, readableAll = false): Promise<UnixSocket> {
  const result = await new Promise<UnixSocket | Error>((resolve) => {
    bindUnixSocket(
      {
        path: target,
        rights: { mode, owner: undefined },
        readableAll,
        writableAll: false,
        backlog: undefined,
        isWanted: () => true,
      },
      resolve,
    )
  })
  if (result instanceof Error) throw result
  socket = result
  return result
}

const modeOf = (file: string): number => fs.lstatSync(file).mode & 0o777

describe.each(['linux', 'darwin'] as const)('on %s', (platform) => {
  beforeEach(() => {
    vi.spyOn(os, 'platform').mockReturnValue(platform)
  })

  test('a socket gets its mode, and another one later', async () => {
    const { bound } = await bind(0o600)
    expect(modeOf(target)).toBe(0o600)
    applyRights(target, bound.identity, rights)
    expect(modeOf(target)).toBe(0o666)
    expect(fs.readdirSync(directory)).toEqual(['app.sock'])
  })

  test.each<[string, (precious: string) => void]>([
    ['a link', (precious) => fs.symlinkSync(precious, target)],
    ['another name of a file', (precious) => fs.linkSync(precious, target)],
  ])('%s in its place is left as it is, and what it leads to', async (_, put) => {
    const { bound } = await bind(0o600)
    const precious = path.join(directory, 'precious')
    fs.writeFileSync(precious, '', { mode: 0o600 })
    fs.renameSync(target, `${target}.kept`)
    put(precious)
    expect(() => {
      applyRights(target, bound.identity, { mode: 0o666, owner: { uid: 4711 } })
    }).toThrow('another file is there by now')
    expect([modeOf(precious), fs.lstatSync(precious).uid]).toEqual([0o600, process.getuid?.()])
  })
})

describe('where the open file cannot be named', () => {
  beforeEach(() => {
    vi.spyOn(os, 'platform').mockReturnValue('darwin')
  })

  test.each([0o770, 0o777])(
    'a directory of mode %i is refused, and nothing is left',
    async (mode) => {
      fs.chmodSync(directory, mode)
      await expect(bind(0o600)).rejects.toMatchObject({
        code: 'EPERM',
        cause: expect.objectContaining({
          message: expect.stringContaining('another user can replace') as string,
        }) as Error,
      })
      expect(fs.readdirSync(directory)).toEqual([])
    },
  )

  test('so is a directory above that others may write to', async () => {
    const inner = path.join(directory, 'inner')
    fs.mkdirSync(inner)
    target = path.join(inner, 'app.sock')
    fs.chmodSync(directory, 0o777)
    await expect(bind(0o600)).rejects.toMatchObject({ code: 'EPERM' })
    fs.chmodSync(directory, 0o1777)
    await bind(0o600)
    expect(modeOf(target)).toBe(0o600)
  })

  test.runIf(isRoot)('so is a directory of another user', async () => {
    fs.chownSync(directory, 4711, 4711)
    await expect(bind(0o600)).rejects.toMatchObject({ code: 'EPERM' })
  })

  test('a socket whose rights are as they should be needs no such directory', async () => {
    fs.chmodSync(directory, 0o777)
    await expect(bind(undefined, true)).rejects.toMatchObject({ code: 'EPERM' })
    await bind(undefined)
    expect(fs.readdirSync(directory)).toEqual(['app.sock'])
  })
})
