import { spawn, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Package, pnpm, run } from './workspace.js'

/** A project outside the workspace that depends on one package, and on the framework the package is for. */
export interface Consumer {
  /** Imports a package and returns the names of its exports. */
  imported(name: string): Promise<string[]>
  /** Requires a package and returns the names of its exports. */
  required(name: string): Promise<string[]>
  /** Runs a program, as `app.js`, until it has logged that it serves; then stops it. Resolves with its exit code. */
  serves(code: string): Promise<number | null>
}

/**
 * Makes a project that has installed the package with pnpm, and core only by way of it.
 *
 * @param tarballs the packed file of every package, by name
 */
export async function createConsumer(
  folder: string,
  pkg: Package,
  tarballs: Record<string, string>,
): Promise<Consumer> {
  const {
    name,
    peerDependencies = {},
    peerDependenciesMeta = {},
    devDependencies = {},
  } = pkg.manifest
  const files = Object.entries(tarballs).map(([of, file]) => [of, `file:${file}`])
  const frameworks = Object.keys(peerDependencies)
    .filter((of) => peerDependenciesMeta[of]?.optional !== true)
    .map((of) => [of, devDependencies[of]])
  const manifest = {
    private: true,
    // As `npm init -y` writes it.
    type: 'commonjs',
    dependencies: Object.fromEntries([
      ...files.filter(([of]) => of === name),
      ...frameworks,
    ]) as unknown,
    pnpm: { overrides: Object.fromEntries(files) as unknown },
  }
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await writeFile(
    join(folder, 'imported.mjs'),
    'console.log(JSON.stringify(Object.keys(await import(process.argv[2])).sort()))',
  )
  // require() adds a name of its own, `__esModule`, to a module that has a default export.
  await writeFile(
    join(folder, 'required.cjs'),
    `const names = Object.keys(require(process.argv[2])).filter((name) => name !== '__esModule')
    console.log(JSON.stringify(names.sort()))`,
  )
  await pnpm(['install', '--prefer-offline', '--no-frozen-lockfile'], folder)

  const names = async (script: string, of: string) =>
    JSON.parse(await run([script, of], folder)) as string[]
  return {
    imported: (of) => names('imported.mjs', of),
    required: (of) => names('required.cjs', of),
    serves: async (code) => {
      await writeFile(join(folder, 'app.js'), code)
      return serves(folder)
    },
  }
}

const servesLine = /\bgeneration 0 \(pid \d+\) serves /

async function serves(folder: string): Promise<number | null> {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe']
  const child = spawn(process.execPath, ['app.js'], { cwd: folder, stdio, timeout: 30_000 })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (servesLine.test(text)) child.kill('SIGTERM')
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  // At its time limit it is stopped, too, and ends well.
  if (code !== 0 || !servesLine.test(text))
    throw new Error(`app.js ended with ${String(code)}: ${text}`)
  return code
}
