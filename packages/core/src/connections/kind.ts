import http from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import https from 'node:https'
import type net from 'node:net'

// The kinds of servers. A server of neither kind is raw: only the application knows its protocol.

/** Whether a server speaks HTTP/1 alone, over TLS or not. */
export function isHttp1(server: net.Server): server is http.Server {
  return server instanceof http.Server || server instanceof https.Server
}

/** Whether a server speaks HTTP/2, and over TLS perhaps HTTP/1 too. Does not load `node:http2`. */
export function isHttp2(server: net.Server): server is Http2Server | Http2SecureServer {
  return 'updateSettings' in server
}
