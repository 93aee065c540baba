import { readFileSync } from 'node:fs'
import { join } from 'node:path'

// What a README says: its blocks of code, and its links.

/** Returns the blocks of code of a README in a language. */
export function blocksOf(folder: string, language: string): string[] {
  const fences = textOf(folder).matchAll(/^```(\w+)\n(.*?)^```$/gms)
  return [...fences].flatMap(([, of, code = '']) => (of === language ? code : []))
}

/** Returns the targets of the links of a README, but those within it. */
export function linksOf(folder: string): string[] {
  const links = textOf(folder).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)/gm)
  return [...links]
    .map(([, inline, below]) => inline ?? below ?? '')
    .filter((to) => !to.startsWith('#'))
}

function textOf(folder: string): string {
  return readFileSync(join(folder, 'README.md'), 'utf8')
}
