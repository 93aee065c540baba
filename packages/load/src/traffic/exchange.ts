import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Answer, Call } from './call.js'
import { ExchangeError } from './exchange-error.js'
import type { FailureKind } from './failure.js'

// One HTTP request and its response, or the kind of failure.

export interface ExchangeTarget {
  host: string
  port: number
  tls?: { ca?: string; servername?: string } | undefined
  agent: http.Agent
  requestTimeoutMs: number
  /** Called with the connection that the request gets; returns whether the connection is new. */
  onSocket: (socket: Socket) => boolean
  /** Called with the head of the response, which shows whether the server keeps the connection. */
  onHead: (response: http.IncomingMessage) => void
}

/**
 * Sends one request and never retries it; resolves with the complete, verified response.
 *
 * @throws {ExchangeError} with the kind of failure
 */
export function exchange(call: Call, target: ExchangeTarget): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = (target.tls ? https : http).request({
      host: target.host,
      port: target.port,
      method: call.method,
      path: call.path,
      agent: target.agent,
      headers: call.body ? { 'content-length': call.body.length } : {},
    })
    let connected = false
    // Not `request.reusedSocket`: it stays false when the agent passes a socket straight to the next
    // waiting request (Node's lib/_http_agent.js, the 'free' listener).
    let reusedSocket = false
    let response: http.IncomingMessage | undefined
    let pause: NodeJS.Timeout | undefined

    const timer = setTimeout(() => {
      const stage = response ? 'response incomplete' : connected ? 'no response' : 'no connection'
      fail('timeout', `${stage} after ${target.requestTimeoutMs} ms`)
    }, target.requestTimeoutMs)

    function succeed(answer: Answer): void {
      clearTimeout(timer)
      clearTimeout(pause)
      resolve(answer)
    }

    function fail(kind: FailureKind, message: string, cause?: unknown): void {
      clearTimeout(timer)
      clearTimeout(pause)
      reject(new ExchangeError(kind, message, { code: codeOf(cause), reusedSocket, cause }))
      // After a complete response the connection is sound, and the agent has already taken it back.
      if (!response?.complete) request.destroy()
    }

    request.on('socket', (socket) => {
      reusedSocket = !target.onSocket(socket)
      connected = reusedSocket
      if (!connected) {
        socket.once(target.tls ? 'secureConnect' : 'connect', () => (connected = true))
      }
    })
    request.on('error', (error) => {
      const kind = response ? 'cut' : connected ? 'no-response' : 'connect'
      fail(kind, error.message, error)
    })
    request.on('response', (incoming) => {
      response = incoming
      target.onHead(incoming)
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', (error) => fail('cut', error.message, error))
      incoming.on('end', () => {
        const status = incoming.statusCode ?? 0
        const body = Buffer.concat(chunks)
        const answer: Answer = { status, headers: incoming.headers, body, reusedSocket }
        const complaint = call.verify?.(answer)
        if (!incoming.complete) fail('cut', 'the response ended too early')
        else if (status !== (call.expectedStatus ?? 200)) fail('status', `status ${status}`)
        else if (complaint) fail('body', complaint)
        else succeed(answer)
      })
    })

    if (call.body && call.pauseMs) {
      const half = call.body.length >> 1
      request.write(call.body.subarray(0, half))
      pause = setTimeout(() => request.end(call.body?.subarray(half)), call.pauseMs)
    } else {
      request.end(call.body)
    }
  })
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}
