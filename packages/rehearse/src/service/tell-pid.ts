// Preloaded into a server that the rehearsal starts: each response over HTTP/1 says which process made it.
// See docs/decisions.md, "A header says which process answered"
import { subscribe } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'

subscribe('http.server.request.start', (message) => {
  const { response } = message as { response: ServerResponse }
  response.setHeader('x-rehearse-pid', process.pid)
})
