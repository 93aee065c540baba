import { fileURLToPath } from 'node:url'
import type { Program } from '@endless/load'
import { runEndless, startProgram } from '../helpers/index.js'
import { nodeBinary } from './install.js'
import { register, type Row } from './rows.js'

const registerFile = fileURLToPath(
  new URL('../../packages/core/dist/register.cjs', import.meta.url),
)

/** Starts the program of a row: under `endless run`, or with preloads alone. */
export function startRow(
  { program, args = [], execArgv, node, preloads }: Row,
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Program {
  if (preloads) {
    const files = preloads.map((name) => (name === register ? registerFile : name))
    const imports = files.flatMap((file) => ['--import', file])
    return startProgram({ ...options, args: [...imports, program, ...args] })
  }
  const command = node === undefined ? process.execPath : nodeBinary(node)
  const words = execArgv ? ['--', 'node', ...execArgv, program] : [program]
  return runEndless(['run', ...words, ...args], { ...options, command })
}
