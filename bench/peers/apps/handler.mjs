import { readFileSync } from 'node:fs'
import { isMainThread, threadId } from 'node:worker_threads'

// What all programs of the comparison share: their answers, and the release that a file names.

/** `good`; `throws`: at its start; `turns-bad`: answers 500 to everything, 2 s after its start. */
const release = readFileSync(process.env.RELEASE, 'utf8').trim()
if (release === 'throws') throw new Error('a release that throws at its start')

let isBad = false
if (release === 'turns-bad') setTimeout(() => (isBad = true), 2_000).unref()

export const port = Number(process.env.PORT)

/** The pid; a thread that serves counts as a process. */
export const identity = String(isMainThread ? process.pid : process.pid * 1_000 + threadId)

export function handler(request, response) {
  response.setHeader('x-pid', identity)
  response.setHeader('x-release', release)
  if (isBad) response.statusCode = 500
  if (request.method === 'POST') request.pipe(response)
  else response.end('hello\n')
}
