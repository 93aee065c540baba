// Proves that the published declarations compile by themselves, with each TypeScript that is supported.
import * as core from '@endless/core'
import * as protocol from '@endless/core/protocol'
import * as express from '@endless/express'
import * as fastify from '@endless/fastify'
import * as koa from '@endless/koa'

export const everything = [core, protocol, express, fastify, koa]
