// Proves that the page of a rehearsal works in a browser, light and dark: no error on the console, nothing loaded from
// elsewhere, every chart drawn, and the numbers that it shows are those of the report.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Report } from '@endless/rehearse'
import { expect, test } from 'vitest'
import { runEndless, temporaryDirectory } from '../helpers/index.js'
import { openPage, startBrowser } from './browser.js'

const deadlineMs = 60_000
const express = fileURLToPath(new URL('../../examples/express/app.js', import.meta.url))

test('the page of a rehearsal shows what the report says, light and dark', async () => {
  const directory = temporaryDirectory()
  const html = path.join(directory, 'report.html')
  const json = path.join(directory, 'report.json')
  const program = runEndless([
    ...['rehearse', '--html', html, '--json', json, '--echo', '/echo'],
    ...['--kept', '20', '--rate', '200', '--restarts', '2', '--calm', '1s', '--settle', '1s'],
    ...['--', 'node', express],
  ])
  await program.waitForExit({ step: 'the rehearsal ends', deadlineMs })
  const report = JSON.parse(readFileSync(json, 'utf8')) as Report
  const browser = await startBrowser()
  const sent = new Set<string>()
  for (const scheme of ['light', 'dark'] as const) {
    const page = await openPage(browser, `file://${html}`, scheme)
    expect(page.complaints).toEqual([])
    expect(page.requests).toEqual([`file://${html}`])
    const shown = await page.evaluate<Record<string, string>>(`Object.fromEntries([
      ...[...document.querySelectorAll('[data-value]')].map((e) => [e.dataset.value, e.textContent]),
      ...[...document.querySelectorAll('[data-outcome]')].map((e) => [e.dataset.outcome, e.children[1].textContent + '/' + e.children[2].textContent]),
    ])`)
    expect(shown).toMatchObject(expectedOn(report))
    expect(
      JSON.parse(await page.evaluate<string>("document.getElementById('report').textContent")),
    ).toEqual(report)
    // Each chart has ink of several colors on it: axes, and what they are for.
    const colors = await page.evaluate<
      number[]
    >(`[...document.querySelectorAll('canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      return new Set(new Uint32Array(data.buffer)).size
    })`)
    expect(colors).toHaveLength(4)
    for (const count of colors) expect(count).toBeGreaterThan(8)
    const background = await page.evaluate<string>(
      'getComputedStyle(document.body).backgroundColor',
    )
    sent.add(background)
    const { SCREENSHOTS: folder } = process.env
    if (folder !== undefined) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(path.join(folder, `report-${scheme}.png`), await page.screenshot())
    }
  }
  expect([...sent]).toEqual(['rgb(255, 255, 255)', 'rgb(16, 20, 27)'])
})

/** Returns what the page has to show, as it shows it. */
function expectedOn({ requests, connections, verdict }: Report): Record<string, string> {
  const number = (value: number): string => value.toLocaleString('en-US')
  const long = [connections.kept, connections.idle, connections.websocket]
  const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0)
  return {
    sentence: verdict.sentence,
    total: number(requests.total),
    lost: number(requests.lost),
    moved: number(sum(long.map(({ moved }) => moved))),
    announced: number(sum(long.map(({ announced }) => announced))),
    cut: number(sum(long.map((counts) => counts['while-idle'] + counts['in-request']))),
    ...Object.fromEntries(
      Object.entries(requests.outcomes).map(([outcome, { calm, restarts }]) => [
        outcome,
        `${number(calm)}/${number(restarts)}`,
      ]),
    ),
  }
}
