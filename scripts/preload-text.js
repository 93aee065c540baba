// Writes the preload of core as text: as a file that Node can require, and as a string in a module, so that a program
// that was bundled has it too. packages/core/src/launch/preload-file.ts uses both.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pnpm.js'

const core = join(root, 'packages/core')
/** What the preload imports beside Node. */
const reading = join(core, 'src/node/internals/channel-reading.ts')

/** Call when the sources have been compiled. Does nothing if what is there is newer than all that it is made of. */
export async function writePreload() {
  const made = ['preload.cjs', 'preload-text.js'].map((name) => join(core, 'dist/launch', name))
  const sources = [join(core, 'src/launch/preload.ts'), reading, import.meta.filename]
  if (made.every((file) => existsSync(file) && ageOf(file) < Math.min(...sources.map(ageOf))))
    return
  const { default: ts } = await import('typescript')
  const compile = (file) =>
    ts.transpileModule(readFileSync(file, 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.CommonJS,
        target: ts.ScriptTarget.ES2022,
        esModuleInterop: true,
        removeComments: true,
      },
    }).outputText
  const imported = `(() => {\nconst exports = {};\n${compile(reading)}return exports;\n})()`
  const preload = compile(join(core, 'src/launch/preload.ts'))
  const text = `${preload.replace(/require\("\.[^"]*channel-reading\.js"\)/, () => imported)}preload(__filename);\n`
  const name = `preload-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.cjs`
  const module = [
    `export const preloadText = ${JSON.stringify(text)}`,
    `export const preloadName = ${JSON.stringify(name)}`,
  ]
  write('preload.cjs', text)
  write('preload-text.js', `${module.join('\n')}\n`)
}

function write(name, text) {
  writeFileSync(join(core, 'dist/launch', name), text)
}

function ageOf(file) {
  return Date.now() - statSync(file).mtimeMs
}
