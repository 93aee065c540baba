// Proves that code and design decisions name each other.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { root } from './markdown.js'

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const titles = (read('docs/decisions.md').match(/^### .*$/gm) ?? []).map((heading) =>
  heading.slice('### '.length),
)
const referenced = ['packages', 'bench', 'test/frameworks'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /^(?!.*(?:node_modules|dist|test)\/).*\.[jt]s$/.test(file))
    .map((file) => read(path.join(folder, file)))
    .flatMap((text) => [...text.matchAll(/docs\/decisions\.md, "([^"]+)"/g)])
    .map(([, title]) => title!),
)

test('the decisions that code refers to are there', () => {
  expect(referenced.filter((title) => !titles.includes(title))).toEqual([])
})

test('each decision is referred to by the code that it explains', () => {
  expect(titles.filter((title) => !referenced.includes(title))).toEqual([])
})
