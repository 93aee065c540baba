// Loaded before a test of Fastify's own (`--import`): makes every server endless that is created.
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import tls from 'node:tls'
import { endless } from '@endless/core'

const silent = { info() {}, warn() {}, error() {} }

for (const [module, names] of [
  [http, ['createServer']],
  [https, ['createServer']],
  [http2, ['createServer', 'createSecureServer']],
  [net, ['createServer']],
  [tls, ['createServer']],
]) {
  for (const name of names) {
    const create = module[name]
    module[name] = (...args) => endless(create(...args), { logger: silent, exit: false }).server
  }
}
syncBuiltinESMExports()
