// NestJS without decorators' syntax, which Node cannot read: what TypeScript makes of them.
import 'reflect-metadata'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'

class AppController {
  answer() {
    return `pid ${process.pid}`
  }
}
Controller()(AppController)
Get()(
  AppController.prototype,
  'answer',
  Object.getOwnPropertyDescriptor(AppController.prototype, 'answer'),
)

class AppModule {
  onApplicationShutdown(signal) {
    console.log(`pid ${process.pid} shuts down by ${signal}`)
  }
}
Module({ controllers: [AppController] })(AppModule)

const [platform, hooks] = process.argv.slice(2)
const { FastifyAdapter } = platform === 'fastify' ? await import('@nestjs/platform-fastify') : {}
const app = await NestFactory.create(AppModule, FastifyAdapter && new FastifyAdapter(), {
  logger: false,
})
if (hooks === 'hooks') app.enableShutdownHooks()
await app.listen(process.env.PORT)
