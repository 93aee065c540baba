import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

// The pages of the documentation: their headings, links and blocks of code.

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A fenced block of code. */
export interface Block {
  /** Page and line of its first line, as an editor opens it. */
  place: string
  language: string
  code: string
}

const skipped = ['node_modules', 'dist', '.git', '.changeset']

/** Lists every page, by its path from the root. */
export function listPages(folder = '.'): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !skipped.includes(name))
    .flatMap((entry) => {
      const name = path.join(folder, entry.name)
      if (entry.isDirectory()) return listPages(name)
      return name.endsWith('.md') ? [name] : []
    })
}

/** Returns the blocks of a page, of one language or of all. */
export function blocksOf(page: string, language?: string): Block[] {
  const text = textOf(page)
  const fences = text.matchAll(/^( *)```([^\n]*)\n(.*?)^ *```$/gms)
  return [...fences]
    .map(({ index, 1: indent = '', 2: of = '', 3: code = '' }) => ({
      place: `${page}:${text.slice(0, index).split('\n').length + 1}`,
      language: of,
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }))
    .filter((block) => language === undefined || block.language === language)
}

/** Returns the targets of all links of a page. */
export function linksOf(page: string): string[] {
  const links = proseOf(page).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)/gm)
  return [...links].map(([, inline, below]) => inline ?? below ?? '')
}

/** Returns the anchors of a page, as GitHub makes them of its headings. */
export function anchorsOf(page: string): string[] {
  const headings = proseOf(page).match(/^#+ .*$/gm) ?? []
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

function proseOf(page: string): string {
  return textOf(page).replaceAll(/^ *```.*?^ *```$/gms, '')
}

function textOf(page: string): string {
  return readFileSync(path.resolve(root, page), 'utf8')
}
