// Proves that the published declarations compile by themselves, with each TypeScript that is supported.
import * as core from '@endless/core'
import * as service from '@endless/core/for-cli-later'
import * as supervision from '@endless/core/for-cli'
import * as express from '@endless/express'
import * as fastify from '@endless/fastify'
import * as koa from '@endless/koa'

export const everything = [core, service, supervision, express, fastify, koa]
