// Proves that a CommonJS program finds the packages, and all that they export, by the resolution that TypeScript had
// before `exports`: with `moduleResolution` node10, as `module: commonjs` still means in TypeScript 5.9.
import core = require('@endless/core')
import express = require('@endless/express')
import fastify = require('@endless/fastify')
import koa = require('@endless/koa')
import { endless, type EndlessServer, generation } from '@endless/core'

export const server: EndlessServer = endless((request, response) => {
  response.end(`${String(request.url)} ${String(generation.number)}`)
})
export const everything = [core.endless, express.endless, fastify.endlessPlugin, koa.endless]
