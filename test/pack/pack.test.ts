// Proves that the packages, as they get published, are well-formed, and that a user who installs one of them with pnpm,
// and nothing else but its framework, can import and require it, as its README says.
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { compileFunction } from 'node:vm'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createConsumer } from './consumer.js'
import { blocksOf, linksOf } from '../docs/markdown.js'
import { type Package, pnpm, publishedPackages, root, run } from './workspace.js'

const packages = publishedPackages()
const tarballs: Record<string, string> = {}
let scratch: string

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'endless-pack-'))
  for (const { folder, manifest } of packages) {
    const printed = await pnpm(['pack', '--json', '--pack-destination', scratch], folder)
    tarballs[manifest.name] = (JSON.parse(printed) as { filename: string }).filename
  }
})

afterAll(() => rm(scratch, { recursive: true, force: true }))

describe.each(packages)('$manifest.name', (pkg) => {
  const { name, exports } = pkg.manifest

  test('publint has nothing to complain about', async () => {
    const { buffer: tarball } = await readTarball(name)
    const { messages } = await publint({ pack: { tarball }, strict: true })
    const texts = messages.map((message) => formatMessage(message, pkg.manifest, { color: false }))
    expect(texts).toEqual([])
  })

  test('its types resolve as its code does', async () => {
    const result = await checkPackage(createPackageFromTarballData(await readTarball(name)))
    if (!result.types) throw new Error(`${name} has no types.`)
    // ESM only: nothing is promised to a TypeScript that knows no require() of ESM, and a resolution from before
    // `exports` finds the package itself.
    const problems = result.problems.filter(
      (problem) =>
        !('resolutionKind' in problem) ||
        (problem.resolutionKind !== 'node16-cjs' &&
          (problem.resolutionKind !== 'node10' || problem.entrypoint === '.')),
    )
    expect(problems).toEqual([])
  })

  test('it holds what its sources compile to, a licence, and no leftovers', async () => {
    const content = createPackageFromTarballData(await readTarball(name))
    const files = content.listFiles().map((file) => file.replace(`/node_modules/${name}/`, ''))
    const kept = [
      'package.json',
      'README.md',
      'LICENSE',
      ...Object.values(pkg.manifest.bin ?? {}).map((file) => file.replace('./', '')),
      // Written by scripts/preload-text.js, from preload.ts.
      ...(name === '@endless/core' ? ['preload.cjs', 'preload-text.js'] : []).map(
        (file) => `dist/launch/${file}`,
      ),
    ]
    const leftovers = files.filter((file) => {
      const [, source, kind = ''] = /^dist\/(.+?)\.(?:d\.)?(c?)(?:ts|js)$/.exec(file) ?? []
      if (source === undefined || kept.includes(file)) return !kept.includes(file)
      return !existsSync(join(pkg.folder, 'src', `${source}.${kind}ts`))
    })
    expect(leftovers).toEqual([])
    expect(files).toContain('LICENSE')
  })

  test('its README has no relative link, which would lead nowhere from the page of a registry', () => {
    const relative = linksOf(readmeOf(pkg)).filter((link) => !/^(https:|#)/.test(link))
    expect(relative).toEqual([])
  })

  if (!exports?.['.']) {
    test('a pnpm project that has only it can run its command', { timeout: 180_000 }, async () => {
      const folder = join(scratch, basename(pkg.folder))
      await createConsumer(folder, pkg, tarballs)
      const command = join(folder, 'node_modules', name, 'bin/endless.js')
      expect(await run([command, '--help'], folder)).toContain('Usage: endless')
      expect(existsSync(join(folder, 'node_modules/.bin/endless'))).toBe(true)
      // Only who rehearses installs what that needs.
      await expect(run([command, 'rehearse', '--', 'node'], folder)).rejects.toThrow(
        'endless rehearse is a package of its own: npm install --save-dev @endless/rehearse',
      )
    })
    return
  }

  if (name === '@endless/rehearse') {
    test(
      'a pnpm project that has only it can import and require it',
      { timeout: 180_000 },
      async () => {
        const consumer = await createConsumer(join(scratch, basename(pkg.folder)), pkg, tarballs)
        const names = await consumer.imported(name)
        expect(names).toContain('rehearse')
        expect(await consumer.required(name)).toEqual(names)
      },
    )
    return
  }

  test(
    'a pnpm project that has only it can import and require it, with all of core',
    { timeout: 180_000 },
    async () => {
      const consumer = await createConsumer(join(scratch, basename(pkg.folder)), pkg, tarballs)
      const names = await consumer.imported(name)
      const core = Object.keys(await import('@endless/core')).filter((key) => key !== 'default')
      expect(names).toEqual(expect.arrayContaining(core))
      expect(await consumer.required(name)).toEqual(names)
      const [example] = blocksOf(readmeOf(pkg), 'js')
      expect(await consumer.serves(example!.code.replace('3000', '0'))).toBe(0)

      if (name === '@endless/core') return
      await expect(consumer.imported('@endless/core')).rejects.toThrow('ERR_MODULE_NOT_FOUND')
    },
  )
})

test.each([{ folder: root }, ...packages])(
  'the JavaScript in the README of $folder is right where npm init has written "commonjs"',
  async ({ folder }) => {
    expect(blocksOf(readmeOf({ folder }), 'ts')).toEqual([])
    for (const { code } of blocksOf(readmeOf({ folder }), 'js')) {
      // As a function, it may have neither `import` nor `await`.
      expect(() => compileFunction(code, ['require'])).not.toThrow()
      for (const [, names = '', from = ''] of code.matchAll(
        /\{(.*)\} = require\('(@endless.+)'\)/g,
      )) {
        const has = Object.keys((await import(from)) as object)
        expect(has).toEqual(expect.arrayContaining(names.split(',').map((name) => name.trim())))
      }
    }
  },
)

function readmeOf({ folder }: Pick<Package, 'folder'>): string {
  return join(folder, 'README.md')
}

async function readTarball(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(tarballs[name] ?? `no tarball of ${name}`))
}
