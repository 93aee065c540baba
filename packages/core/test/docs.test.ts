// Proves that the documentation leads somewhere: every relative link names a file that is there, and
// every anchor a heading in it; and that code and design decisions name each other.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const pages = [root, path.join(root, 'docs')].flatMap((directory) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.relative(root, path.join(directory, name))),
)

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(file: string): string[] {
  const headings = readFileSync(file, 'utf8').match(/^#+ .*$/gm) ?? []
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

test.each(pages)('%s', (page) => {
  const text = readFileSync(path.join(root, page), 'utf8')
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
  const broken = links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path.join(root, page) : path.join(root, path.dirname(page), file)
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
    })
  expect(broken).toEqual([])
})

describe('the design decisions', () => {
  const titles = (
    readFileSync(path.join(root, 'docs/decisions.md'), 'utf8').match(/^### .*$/gm) ?? []
  ).map((heading) => heading.slice('### '.length))
  const referenced = ['packages', 'bench', 'test/frameworks'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /^(?!.*(?:node_modules|dist|test)\/).*\.[jt]s$/.test(file))
      .map((file) => readFileSync(path.join(root, folder, file), 'utf8'))
      .flatMap((text) => [...text.matchAll(/docs\/decisions\.md, "([^"]+)"/g)])
      .map(([, title]) => title!),
  )

  test('that code refers to are there', () => {
    expect(referenced.filter((title) => !titles.includes(title))).toEqual([])
  })

  test('are each referred to by the code that they explain', () => {
    expect(titles.filter((title) => !referenced.includes(title))).toEqual([])
  })
})
