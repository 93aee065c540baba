// Proves that a CommonJS program finds the packages by the resolution that TypeScript had before `exports`: with
// `moduleResolution` node10, which `module: commonjs` still means in TypeScript 5.9.
import * as core from '@endless/core'
import { endless, type EndlessServer, generation } from '@endless/core'
import * as express from '@endless/express'
import * as fastify from '@endless/fastify'
import * as koa from '@endless/koa'

export const server: EndlessServer = endless((request, response) => {
  response.end(`${String(request.url)} ${String(generation.number)}`)
})
export const everything = [core, express, fastify, koa]
