import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url))
const execFileAsync = promisify(execFile)

export interface Package {
  folder: string
  manifest: {
    name: string
    private?: boolean
    bin?: Record<string, string>
    exports?: Record<string, unknown>
    devDependencies?: Record<string, string>
    peerDependencies?: Record<string, string>
    peerDependenciesMeta?: Record<string, { optional?: boolean }>
  }
}

/** Lists the packages that get published. */
export function publishedPackages(): Package[] {
  return readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .map((folder) => ({ folder, manifest: readManifest(folder) }))
    .filter(({ manifest }) => manifest.private !== true)
}

function readManifest(folder: string): Package['manifest'] {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package['manifest']
}

/**
 * Runs the pinned pnpm in a folder and returns its stdout.
 *
 * @throws with all that it printed, if it fails
 */
export function pnpm(args: string[], cwd: string): Promise<string> {
  return run([join(root, 'scripts/pnpm.js'), ...args], cwd)
}

/**
 * Runs a script with the Node that runs the tests and returns its stdout.
 *
 * @throws with all that it printed, if it fails or takes longer than two minutes
 */
export async function run(args: string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await execFileAsync(process.execPath, args, { cwd, timeout: 120_000 })
    return stdout
  } catch (error) {
    // The message has what the program wrote to stderr, and pnpm writes its errors to stdout.
    if (error instanceof Error && 'stdout' in error) error.message += String(error.stdout)
    throw error
  }
}
