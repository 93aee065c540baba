// Asks the MCP server of mcp.mjs without a pause, and reports how many requests have failed when it gets SIGTERM.
const failures = []
let answered = 0
let isOver = false
const request = {
  method: 'POST',
  headers: {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  },
  body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
}

process.on('SIGTERM', () => (isOver = true))
console.log(JSON.stringify({ event: 'calling', pid: process.pid }))
while (!isOver) {
  try {
    const response = await fetch(`http://localhost:${process.env.PORT}/mcp`, request)
    const { result } = await response.json()
    if (!result) failures.push(`status ${response.status}`)
    answered++
  } catch (error) {
    failures.push(String(error.cause ?? error))
  }
}
if (answered === 0) failures.push('nothing was answered')
console.log(JSON.stringify({ event: 'called', pid: process.pid, answered, failures }))
