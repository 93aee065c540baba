import path from 'node:path'
import ts from 'typescript'
import { type Block, blocksOf, listPages, root } from './markdown.js'

// Compiles the JavaScript of the documentation against the published types.

/** A block of JavaScript or TypeScript, as a file beside the packages that the tests have. */
export interface Source extends Block {
  file: string
  /** Names that the block leaves to the reader's program. */
  free: string[]
  /** What else is wrong with it. */
  problems: string[]
  /** Whether it is a whole program, which serves. */
  isProgram: boolean
}

/** What the documentation imports and the tests do not have. */
const absent = ['express-ws', './adapter-contract.js']

/** `Cannot find name`, with its variants. */
const unknownName = [2304, 2552, 2580, 18004]
/** `@types/node` has forgotten a function. */
const harmless = ["Property 'initgroups' does not exist on type 'Process'."]
/** `Cannot find module`. */
const unknownModule = 2307

/** Compiles every block of the documentation, in one program. */
export function compileBlocks(): Source[] {
  const sources = listPages()
    .flatMap((page) => [...blocksOf(page, 'js'), ...blocksOf(page, 'ts')])
    .map((block, at) => ({ ...block, file: fileOf(block, at) }))
  const codes = new Map(sources.map(({ file, code }) => [file, `${code}\nexport {}`]))
  codes.set(path.join(folder, 'ours.d.mts'), ours)
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts'],
    types: ['node'],
    strict: false,
    allowJs: true,
    checkJs: true,
    noEmit: true,
    skipLibCheck: true,
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.getCurrentDirectory = () => folder
  host.fileExists = (file) => codes.has(file) || fileExists(file)
  host.readFile = (file) => codes.get(file) ?? readFile(file)
  host.getSourceFile = (file, languageVersion, ...rest) => {
    const code = codes.get(file)
    if (code === undefined) return getSourceFile(file, languageVersion, ...rest)
    return ts.createSourceFile(file, code, languageVersion)
  }
  const program = ts.createProgram([...codes.keys()], options, host)
  return sources.map((source) => {
    const found = diagnosticsOf(program, source.file)
    const free = found.filter(({ code }) => unknownName.includes(code))
    const missing = found.filter(({ code, text }) => {
      return code === unknownModule && absent.includes(nameIn(text))
    })
    const others = found.filter((each) => !free.includes(each) && !missing.includes(each))
    const { code } = source
    return {
      ...source,
      free: free.map(({ text }) => nameIn(text)),
      problems: others.map(({ text }) => text).filter((text) => !harmless.includes(text)),
      isProgram:
        free.length + missing.length === 0 &&
        code.includes('require(') &&
        code.includes('.listen('),
    }
  })
}

/** What a fragment need not import: the page shows elsewhere where it comes from. */
const ours = `
import * as core from '@endless/core'
import * as fastify from '@endless/fastify'
declare global {
  const endless: typeof core.endless
  const generation: typeof core.generation
  const closeWebSockets: typeof core.closeWebSockets
  const endlessPlugin: typeof fastify.endlessPlugin
}`

/** Where `@endless/core` and the frameworks are found. */
const folder = path.join(root, 'test/node_modules/.cache/docs')

function fileOf({ language, code }: Block, at: number): string {
  const isModule = /^import |^await |^const .* = await /m.test(code)
  return path.join(folder, `${at}.${isModule ? 'm' : 'c'}${language}`)
}

function diagnosticsOf(program: ts.Program, file: string): { code: number; text: string }[] {
  const source = program.getSourceFile(file)
  return [
    ...program.getSyntacticDiagnostics(source),
    ...program.getSemanticDiagnostics(source),
  ].map(({ code, messageText }) => ({
    code,
    text: ts.flattenDiagnosticMessageText(messageText, '\n'),
  }))
}

function nameIn(message: string): string {
  return /'([^']+)'/.exec(message)?.[1] ?? message
}
