import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createCertificate, startProgram } from '@endless/load'

/**
 * Starts an app from bench/apps; resolves when it serves.
 *
 * @param {string} name
 * @param {{ bare?: boolean, supervised?: boolean, execArgv?: string[], nodeOptions?: string, env?: object, detached?: boolean }} [options]
 */
export async function startApp(name, { nodeOptions, env: given, ...options } = {}) {
  const env = {
    ...(await environmentOf(name)),
    ...given,
    ...(nodeOptions && { NODE_OPTIONS: nodeOptions }),
  }
  const program = spawnApp(name, { ...options, env })
  const { port } = await program.waitForGeneration(0, { deadlineMs: 10_000 })
  return { program, port, tls: isTls(name) ? { ca: (await certificate()).cert } : undefined }
}

/** Starts an app without waiting for it. */
export function spawnApp(name, { bare, supervised, execArgv = [], env = {}, detached }) {
  const path = fileURLToPath(new URL(`../apps/${name}.mjs`, import.meta.url))
  return startProgram({
    args: [...execArgv, ...(supervised ? [endless, 'run'] : []), path, ...(bare ? ['--bare'] : [])],
    env: { PORT: '0', ...env },
    detached,
  })
}

/** The built command `endless`. */
export const endless = fileURLToPath(new URL('../../packages/cli/bin/endless.js', import.meta.url))

const isTls = (name) => name.endsWith('https')

async function environmentOf(name) {
  if (!isTls(name)) return {}
  const { keyFile, certFile } = await certificate()
  return { TLS_KEY_FILE: keyFile, TLS_CERT_FILE: certFile }
}

let made

/** Creates one certificate for all generations, so that clients trust each of them. */
function certificate() {
  made ??= createCertificate().then(({ key, cert }) => {
    const folder = mkdtempSync(join(tmpdir(), 'endless-bench-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const keyFile = join(folder, 'key.pem')
    const certFile = join(folder, 'cert.pem')
    writeFileSync(keyFile, key, { mode: 0o600 })
    writeFileSync(certFile, cert)
    return { keyFile, certFile, cert }
  })
  return made
}
