import { identity } from './shared.mjs'

// The request handler of the apps without a framework.

export function handler(request, response) {
  for (const name in identity) response.setHeader(name, identity[name])
  if (request.method === 'POST') request.pipe(response)
  else response.end('hello\n')
}
