// Proves that the documentation leads somewhere: every relative link names a file that is there, and every anchor a
// heading in it; and that the index of docs has every page.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { anchorsOf, linksOf, listPages, root } from './markdown.js'

const pages = listPages()

test.each(pages)('each link of %s leads to a file and a heading', (page) => {
  const broken = linksOf(page)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? page : path.join(path.dirname(page), file)
      const isThere = existsSync(path.join(root, target))
      return !isThere || (anchor !== undefined && !anchorsOf(target).includes(anchor))
    })
  expect(broken).toEqual([])
})

test('the index of docs leads to every page there', () => {
  const here = pages
    .filter((page) => /^docs\/(?!README)/.test(page))
    .map((page) => path.basename(page))
  expect(here.filter((page) => !linksOf('docs/README.md').includes(page))).toEqual([])
})
