import http from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import https from 'node:https'
import type net from 'node:net'

// What a server speaks. One that is neither of these is raw: only the application knows.

export function isHttp1(server: net.Server): server is http.Server {
  return server instanceof http.Server || server instanceof https.Server
}

/** Whether it speaks HTTP/2, and over TLS perhaps HTTP/1 too. Does not load `node:http2` to know. */
export function isHttp2(server: net.Server): server is Http2Server | Http2SecureServer {
  return 'updateSettings' in server
}
