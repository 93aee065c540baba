// Proves that what the documentation shows of shells, data and configurations is right: each of our commands has the
// options that are written, data is well-formed, and a configuration is part of an example, which other tests run.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { check } from 'prettier'
import { expect, test } from 'vitest'
import { endless } from '../helpers/index.js'
import { blocksOf, listPages, root } from './markdown.js'

const blocks = listPages().flatMap((page) => blocksOf(page))
const of = (...languages: string[]) =>
  blocks.filter(({ language }) => languages.includes(language)).map((block) => ({ ...block }))

/** Languages with a check, here or in javascript.test.ts; and those that nothing reads. */
const checked = ['js', 'ts', 'sh', 'json', 'yaml', 'nginx', 'haproxy', 'ini', 'dockerfile']
const shown = ['text', 'mermaid']

test('each block has a language that is known', () => {
  const unknown = blocks.filter(({ language }) => ![...checked, ...shown].includes(language))
  expect(unknown.map(({ place, language }) => `${place} ${language}`)).toEqual([])
})

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}
const published = readdirSync(path.join(root, 'packages'))
  .filter((name) => name !== 'load')
  .map((name) => `@endless/${name}`)
const helps = new Map<string, string>()

/** Returns what `--help` prints of a command of ours. */
function helpOf(command: string): string {
  const known = helps.get(command)
  if (known !== undefined) return known
  const { status, stdout } = spawnSync(process.execPath, [endless, command, '--help'])
  if (status !== 0) throw new Error(`There is no command ${command}.`)
  const help = stdout.toString()
  helps.set(command, help)
  return help
}

/** Returns the options of a call of `endless` that its command does not have. */
function wrongInCall([command = '', ...words]: string[]): string[] {
  const help = helpOf(command)
  const unknown: string[] = []
  for (let at = 0; at < words.length; at++) {
    const [option = '', value] = words[at]!.split('=')
    if (!option.startsWith('-') || option === '--') {
      // What follows the script, or a command, is not ours.
      if (command === 'run') break
      continue
    }
    if (!new RegExp(`${option}\\b`).test(help)) unknown.push(option)
    if (value === undefined && help.includes(`${option} <`)) at++
  }
  return unknown
}

/** Returns what is wrong with the commands of a line. */
function wrongIn(line: string): string[] {
  return line
    .replace(/ #.*$/, '')
    .split(/&&|\|\||[;|]/)
    .flatMap((part) => {
      // What is quoted is one word: another command may stand in it.
      const words = part.trim().match(/'[^']*'|"[^"]*"|\S+/g) ?? []
      const call = words.findIndex((word) => /(^|\/)endless$/.test(word))
      if (call >= 0 && /^(endless|.*npx|.*--)/.test(words.slice(0, call + 1).join(' '))) {
        return wrongInCall(words.slice(call + 1))
      }
      if (words[0] === 'npm' && words[1] === 'run') {
        return manifest.scripts[words[2]!] === undefined ? [part] : []
      }
      return words.filter((word) => word.startsWith('@endless/') && !isPublished(word))
    })
}

function isPublished(name: string): boolean {
  return published.includes(name.split('/').slice(0, 2).join('/'))
}

test.each(of('sh'))('$place: a shell reads it, and our commands have these options', ({ code }) => {
  const { status, stderr } = spawnSync('bash', ['-n'], { input: code })
  expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' })
  expect(code.split('\n').flatMap(wrongIn)).toEqual([])
})

test.each(of('json', 'yaml'))('$place: is well-formed', async ({ language, code }) => {
  // Prettier throws at a syntax error.
  await expect(check(code, { parser: language })).resolves.toBeDefined()
})

/** Every configuration among the examples, without comments. */
const examples = readdirSync(path.join(root, 'examples'), { recursive: true, encoding: 'utf8' })
  .filter((file) => !file.includes('node_modules'))
  .filter((file) => /\.(conf|cfg|service|socket|yaml)$|Dockerfile$/.test(file))
  .flatMap((file) => linesOf(readFileSync(path.join(root, 'examples', file), 'utf8')))

test.each(of('nginx', 'haproxy', 'ini', 'dockerfile'))(
  '$place: stands in an example',
  ({ code }) => {
    expect(linesOf(code).filter((line) => !examples.includes(line))).toEqual([])
  },
)

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
}
